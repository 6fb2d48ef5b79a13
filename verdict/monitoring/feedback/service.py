"""The service that takes labels: it counts each receipt once, and keeps a text only with consent, if configured."""

import asyncio
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Annotated, Any, NotRequired

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from typing_extensions import TypedDict

from verdict.monitoring.feedback.live import accuracy_by_release, first_day
from verdict.monitoring.feedback.settings import Settings
from verdict.monitoring.feedback.store import DAYS, Post, Store
from verdict.monitoring.feedback.texts import TextStore
from verdict.web.batcher import Batcher
from verdict.web.front import Front, RefusedError
from verdict.web.receipts import Receipt, Receipts
from verdict.web.service import RequestCounters, WebService

_MAX_BATCH = 500  # labels in one transaction
_WRITE_TIMEOUT = 20.0  # seconds for a text
_LATER = {"retry-after": "5"}
_Short = Annotated[str, Field(max_length=1_000)]
_Text = Annotated[str, Field(max_length=100_000)]


@with_config(ConfigDict(extra="forbid"))
class Erasure(TypedDict):
    """A request to erase the text of a receipt."""

    receipt: _Short


@with_config(ConfigDict(extra="forbid"))
class Label(Erasure):
    """A label that came back, and with consent a text."""

    label: _Short
    text: NotRequired[_Text | dict[str, _Text]]
    consent: NotRequired[bool]


class FeedbackMetrics(Collector):
    """Counts and accuracy from the database, for Prometheus: the same from each process."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterable[Metric]:
        """Return counts and accuracy by release; none while the database is away."""
        up = GaugeMetricFamily("verdict_feedback_database_up", "whether the database answers", 0)
        with suppress(SQLAlchemyError):
            counts, recent = self._store.counts(), accuracy_by_release(self._store.counts(first_day()))
            up.samples.clear()
            up.add_metric([], 1)
            labels = ("release", "predicted", "actual")
            yield _family(CounterMetricFamily, "verdict_feedback", labels, [(row[:3], row.number) for row in counts])
            for field in ("labelled", "right"):
                values = [(row[:1], getattr(row, field)) for row in accuracy_by_release(counts)]
                yield _family(CounterMetricFamily, f"verdict_feedback_{field}", labels[:1], values)
            for suffix, field in {"": "accuracy", "_low": "low", "_high": "high"}.items():
                values = [(row[:1], getattr(row, field)) for row in recent]
                yield _family(GaugeMetricFamily, f"verdict_live_accuracy{suffix}", labels[:1], values)
        yield up


def _family(
    kind: type[CounterMetricFamily | GaugeMetricFamily],
    name: str,
    labels: Sequence[str],
    rows: Iterable[tuple[Sequence[str], float]],
) -> Metric:
    family = kind(name, "labels that came back", labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family


class Feedback(WebService):
    """The service; `VerdictError` when the database or the bucket for texts is none that can be used."""

    def __init__(self, settings: Settings) -> None:
        self.settings: Settings = settings
        self.counters = RequestCounters("verdict_feedback", ("refused", "reason"))
        self.store, self._signed = Store(settings.database), Receipts(settings.receipt_key)
        self.texts = TextStore(settings.consent) if settings.consent.texts else None
        self.counters.registry.register(FeedbackMetrics(self.store))
        self._batcher = Batcher(self.store.count, _MAX_BATCH)

    async def take(self, body: bytes) -> Response:
        """Count a label; `RefusedError` if it does not count."""
        request = _parse(_LABEL, body, '{"receipt": RECEIPT, "label": LABEL}')
        receipt, label, text = self._receipt(request["receipt"], DAYS), request["label"], request.get("text")
        if label not in self.settings.labels:
            raise RefusedError(400, "label", f"no label that there is: one of {', '.join(self.settings.labels)}")
        if text is not None and self.texts is None:
            raise RefusedError(400, "text", "texts are not kept here: send receipt and label alone")
        if text is not None and not request.get("consent"):
            raise RefusedError(400, "consent", 'a text is taken with "consent": true alone')
        with _database_needed():
            (outcome,) = await self._batcher.answers([Post(receipt, label)])
        if outcome == "replayed":
            raise RefusedError(409, outcome, "this receipt has come before, with another label, or to be erased")
        if outcome == "repeated":
            self.counters.failures.labels(outcome).inc()
        if text is not None and self.texts is not None:
            await _run_on_texts(self._keep, self.texts, receipt, label, text)
        return JSONResponse({"counted": True}, 202)

    def _keep(self, texts: TextStore, receipt: Receipt, label: str, text: str | dict[str, str]) -> None:
        """Write a text, and remove it if an erasure came meanwhile."""
        texts.keep(receipt, label, text)
        if self.store.erased(receipt):
            texts.erase(receipt)

    async def erase(self, body: bytes) -> Response:
        """Remove the text of a receipt, and refuse the receipt from now on."""
        request = _parse(_ERASURE, body, '{"receipt": RECEIPT}')
        receipt = self._receipt(request["receipt"], self.settings.consent.days + DAYS)
        with _database_needed():
            await asyncio.to_thread(self.store.erase, receipt)
        return JSONResponse({"erased": self.texts is not None and await _run_on_texts(self.texts.erase, receipt)})

    def _receipt(self, receipt: str, days: int) -> Receipt:
        result = self._signed.read(receipt, days)
        if result == "forged":
            raise RefusedError(403, result, "this is no receipt of an answer that was given here")
        if result == "expired":
            raise RefusedError(410, result, f"this receipt is older than {days} days")
        return result


_LABEL, _ERASURE = TypeAdapter(Label), TypeAdapter(Erasure)


def application(feedback: Feedback) -> Front:
    """The routes, behind the checks that every request passes."""

    async def health(_: object) -> Response:
        return JSONResponse({"live": True})

    app = Starlette(routes=[Route("/health", health)])
    hot = {"/feedback": feedback.take, "/feedback/erase": feedback.erase}
    return Front(app, feedback, hot, "POST /feedback")


def _parse(adapter: TypeAdapter[Any], body: bytes, expected: str) -> Any:  # noqa: ANN401 - of the adapter
    try:
        return adapter.validate_json(body)
    except ValidationError:
        raise RefusedError(
            400, "malformed", f"the body is no JSON in UTF-8, or of another shape: send {expected}"
        ) from None


async def _run_on_texts(method: Any, *args: object) -> bool:  # noqa: ANN401 - of TextStore
    """Write or remove a text in a thread. After a failure the client sends again, which is harmless."""
    try:
        return bool(await asyncio.wait_for(asyncio.to_thread(method, *args), _WRITE_TIMEOUT))
    except Exception as error:  # each kind of bucket has its own errors
        print(f"bucket: {type(error).__name__}", file=sys.stderr, flush=True)  # its message may hold anything
        raise RefusedError(503, "bucket", "the place for texts is away: send it again in a while", _LATER) from None


@contextmanager
def _database_needed() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError:
        raise RefusedError(503, "database", "the database is away: send it again in a while", _LATER) from None
