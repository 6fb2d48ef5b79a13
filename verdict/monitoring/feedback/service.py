"""Takes labels: reads the receipt, counts it once, and keeps a text only of those who consent where that is wanted."""

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

from verdict.monitoring.feedback.live import live, since
from verdict.monitoring.feedback.settings import Settings
from verdict.monitoring.feedback.store import DAYS, Post, Store
from verdict.monitoring.feedback.texts import TextStore
from verdict.web.batcher import Batcher
from verdict.web.front import Front, RefusedError
from verdict.web.receipts import Receipt, Receipts
from verdict.web.service import RequestCounters, WebService

# Of one transaction; and seconds for a text to be written.
_AT_ONCE, _PATIENCE = 500, 20.0
_LATER = {"retry-after": "5"}
_Short = Annotated[str, Field(max_length=1_000)]
_Text = Annotated[str, Field(max_length=100_000)]


@with_config(ConfigDict(extra="forbid"))
class Erasure(TypedDict):
    """Whose text is to go."""

    receipt: _Short


@with_config(ConfigDict(extra="forbid"))
class Label(Erasure):
    """A label that came back; a text only with consent."""

    label: _Short
    text: NotRequired[_Text | dict[str, _Text]]
    consent: NotRequired[bool]


class Figures(Collector):
    """What Prometheus may know, from the database: each process tells the same."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterable[Metric]:
        """Counts and accuracy by release; none while the database is away."""
        up = GaugeMetricFamily("verdict_feedback_database_up", "whether the database answers", 0)
        with suppress(SQLAlchemyError):
            counts, recent = self._store.counts(), live(self._store.counts(since()))
            ever = live(counts)
            up.samples.clear()
            up.add_metric([], 1)
            names, counted, gauge = ("release", "predicted", "actual"), CounterMetricFamily, GaugeMetricFamily
            yield _family(counted, "verdict_feedback", names, [(one[:3], one.number) for one in counts])
            yield _family(counted, "verdict_feedback_labelled", names[:1], [(one[:1], one.labelled) for one in ever])
            yield _family(counted, "verdict_feedback_right", names[:1], [(one[:1], one.right) for one in ever])
            yield _family(gauge, "verdict_live_accuracy", names[:1], [(one[:1], one.accuracy) for one in recent])
            yield _family(gauge, "verdict_live_accuracy_low", names[:1], [(one[:1], one.low) for one in recent])
            yield _family(gauge, "verdict_live_accuracy_high", names[:1], [(one[:1], one.high) for one in recent])
        yield up


def _family(
    kind: type[CounterMetricFamily | GaugeMetricFamily],
    name: str,
    labels: Sequence[str],
    rows: Iterable[tuple[Sequence[str], float]],
) -> Metric:
    found = kind(name, "labels that came back", labels=labels)
    for values, number in rows:
        found.add_metric(values, number)
    return found


class Feedback(WebService):
    """What counts; `VerdictError` when the database or the place for texts cannot be meant."""

    def __init__(self, settings: Settings) -> None:
        self.settings: Settings = settings
        self.counters = RequestCounters("verdict_feedback", ("refused", "reason"))
        self.store, self._signed = Store(settings.database), Receipts(settings.receipt_key)
        self.texts = TextStore(settings.consent) if settings.consent.texts else None
        self.counters.registry.register(Figures(self.store))
        self._counted = Batcher(self.store.count, _AT_ONCE)

    async def take(self, body: bytes) -> Response:
        """Count a label; `Refused` where it does not count."""
        asked = _read(_LABEL, body, '{"receipt": RECEIPT, "label": LABEL}')
        receipt, label, text = self._receipt(asked["receipt"], DAYS), asked["label"], asked.get("text")
        if label not in self.settings.labels:
            raise RefusedError(400, "label", f"no label that there is: one of {', '.join(self.settings.labels)}")
        if text is not None and self.texts is None:
            raise RefusedError(400, "text", "texts are not kept here: send receipt and label alone")
        if text is not None and not asked.get("consent"):
            raise RefusedError(400, "consent", 'a text is taken with "consent": true alone')
        with _reached():
            (outcome,) = await self._counted.answers([Post(receipt, label)])
        if outcome == "replayed":
            raise RefusedError(409, outcome, "this receipt has come before, with another label, or to be erased")
        if outcome == "repeated":
            self.counters.failures.labels(outcome).inc()
        if text is not None and self.texts is not None:
            await _written(self._keep, self.texts, receipt, label, text)
        return JSONResponse({"counted": True}, 202)

    def _keep(self, texts: TextStore, receipt: Receipt, label: str, text: str | dict[str, str]) -> None:
        """Write a text, unless it was to be erased while that was on its way."""
        texts.keep(receipt, label, text)
        if self.store.erased(receipt):
            texts.erase(receipt)

    async def erase(self, body: bytes) -> Response:
        """Remove the text that came with a receipt, and take the receipt never again."""
        asked = _read(_ERASURE, body, '{"receipt": RECEIPT}')
        receipt = self._receipt(asked["receipt"], self.settings.consent.days + DAYS)
        with _reached():
            await asyncio.to_thread(self.store.erase, receipt)
        return JSONResponse({"erased": self.texts is not None and await _written(self.texts.erase, receipt)})

    def _receipt(self, receipt: str, days: int) -> Receipt:
        found = self._signed.read(receipt, days)
        if found == "forged":
            raise RefusedError(403, found, "this is no receipt of an answer that was given here")
        if found == "expired":
            raise RefusedError(410, found, f"this receipt is older than {days} days")
        return found


_LABEL, _ERASURE = TypeAdapter(Label), TypeAdapter(Erasure)


def application(feedback: Feedback) -> Front:
    """All routes, behind what every request passes."""

    async def health(_: object) -> Response:
        return JSONResponse({"live": True})

    app = Starlette(routes=[Route("/health", health)])
    hot = {"/feedback": feedback.take, "/feedback/erase": feedback.erase}
    return Front(app, feedback, hot, "POST /feedback")


def _read(adapter: TypeAdapter[Any], body: bytes, sends: str) -> Any:  # noqa: ANN401 - of the adapter
    try:
        return adapter.validate_json(body)
    except ValidationError:
        raise RefusedError(
            400, "malformed", f"the body is no JSON in UTF-8, or of another shape: send {sends}"
        ) from None


async def _written(act: Any, *given: object) -> bool:  # noqa: ANN401 - of TextStore
    """Let a text be written or removed; who is told to come again does no harm by it."""
    try:
        return bool(await asyncio.wait_for(asyncio.to_thread(act, *given), _PATIENCE))
    except Exception as error:  # whatever a bucket's client has for what went wrong
        print(f"bucket: {type(error).__name__}", file=sys.stderr, flush=True)  # its message may name anything
        raise RefusedError(503, "bucket", "the place for texts is away: send it again in a while", _LATER) from None


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError:
        raise RefusedError(503, "database", "the database is away: send it again in a while", _LATER) from None
