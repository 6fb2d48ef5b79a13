"""Takes labels: reads the receipt, counts it once, and keeps a text only of those who consent where that is wanted."""

import asyncio
import sys
from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
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
from verdict.monitoring.feedback.store import DAYS, Outcome, Post, Store
from verdict.monitoring.feedback.texts import Texts
from verdict.web.front import Front, Refused
from verdict.web.receipts import Receipts, Told
from verdict.web.served import Requests, Served

# Of one transaction; and seconds for a text to be written.
_AT_ONCE, _PATIENCE = 500, 20.0
_LATER = {"retry-after": "5"}
_Receipt = Annotated[str, Field(max_length=1_000)]
_Text = Annotated[str, Field(max_length=100_000)]


@with_config(ConfigDict(extra="forbid"))
class Label(TypedDict):
    """A label that came back; a text only with consent."""

    receipt: _Receipt
    label: Annotated[str, Field(max_length=1_000)]
    text: NotRequired[_Text | dict[str, _Text]]
    consent: NotRequired[bool]


@with_config(ConfigDict(extra="forbid"))
class Erasure(TypedDict):
    """Whose text is to go."""

    receipt: _Receipt


class Figures(Collector):
    """What Prometheus may know, from the database: each process tells the same."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterable[Metric]:
        """Counts and accuracy by release; none while the database is away."""
        up = GaugeMetricFamily("verdict_feedback_database_up", "whether the database answers", 0)
        with suppress(SQLAlchemyError):
            counts, recent = self._store.counts(), self._store.counts(since())
            up.samples.clear()
            up.add_metric([], 1)
            labels = CounterMetricFamily("verdict_feedback", "labels", labels=["release", "predicted", "actual"])
            for *names, number, _ in counts:
                labels.add_metric(names, number)
            totals = [CounterMetricFamily(f"verdict_feedback_{name}", name, labels=["release"]) for name in _TOTALS]
            for one in live(counts):
                for family, value in zip(totals, (one.labelled, one.right), strict=True):
                    family.add_metric([one.release], value)
            gauges = [GaugeMetricFamily(name, "by labels that came back", labels=["release"]) for name in _GAUGES]
            for one in live(recent):
                for gauge, share in zip(gauges, (one.accuracy, one.low, one.high), strict=True):
                    gauge.add_metric([one.release], share)
            yield from [labels, *totals, *gauges]
        yield up


_TOTALS = ("labelled", "right")
_GAUGES = ("verdict_live_accuracy", "verdict_live_accuracy_low", "verdict_live_accuracy_high")


class Feedback(Served):
    """What counts; `VerdictError` when the database or the place for texts cannot be meant."""

    def __init__(self, settings: Settings) -> None:
        self.settings: Settings = settings
        self.counters = Requests("verdict_feedback", ("refused", "reason"))
        self.store, self._receipts = Store(settings.database), Receipts(settings.receipt_key)
        self.texts = Texts(settings.consent) if settings.consent.texts else None
        self.counters.registry.register(Figures(self.store))
        self._thread = ThreadPoolExecutor(1, "database")
        self._waiting: deque[tuple[Post, asyncio.Future[Outcome]]] = deque()
        self._worker: asyncio.Task[None] | None = None

    async def take(self, body: bytes) -> Response:
        """Count a label; `Refused` where it does not count."""
        asked = _read(_LABEL, body, '{"receipt": RECEIPT, "label": LABEL}')
        told, label, text = self._told(asked["receipt"], DAYS), asked["label"], asked.get("text")
        if label not in self.settings.labels:
            raise Refused(400, "label", f"no label that there is: one of {', '.join(self.settings.labels)}")
        if text is not None and self.texts is None:
            raise Refused(400, "text", "texts are not kept here: send receipt and label alone")
        if text is not None and not asked.get("consent"):
            raise Refused(400, "consent", 'a text is taken with "consent": true alone')
        outcome = await self._counted(Post(told, label))
        if outcome == "replayed":
            raise Refused(409, outcome, "this receipt has come before, with another label, or to be erased")
        if outcome == "repeated":
            self.counters.failures.labels(outcome).inc()
        if text is not None and self.texts is not None:
            await _written(self.texts.keep, told, label, text)
        return JSONResponse({"counted": True}, 202)

    async def erase(self, body: bytes) -> Response:
        """Remove the text that came with a receipt, and take the receipt never again."""
        told = self._told(_read(_ERASURE, body, '{"receipt": RECEIPT}')["receipt"], self.settings.consent.days + DAYS)
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self.store.erase, told)
        except SQLAlchemyError:
            raise _away() from None
        return JSONResponse({"erased": self.texts is not None and await _written(self.texts.erase, told)})

    def _told(self, receipt: str, days: int) -> Told:
        found = self._receipts.read(receipt, days)
        if found == "forged":
            raise Refused(403, found, "this is no receipt of an answer that was given here")
        if found == "expired":
            raise Refused(410, found, f"this receipt is older than {days} days")
        return found

    async def _counted(self, post: Post) -> Outcome:
        """Wait for a transaction, which takes with it whatever waits by then."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        self._waiting.append((post, future))
        self._worker = self._worker or loop.create_task(self._work())
        return await future

    async def _work(self) -> None:
        while self._waiting:
            number = min(len(self._waiting), _AT_ONCE)
            posts, futures = zip(*(self._waiting.popleft() for _ in range(number)), strict=True)
            run = asyncio.get_running_loop().run_in_executor(self._thread, self.store.count, posts)
            (found,) = await asyncio.gather(run, return_exceptions=True)
            for place, future in enumerate(futures):
                if future.done():  # given up: nobody waits for it any more
                    continue
                if isinstance(found, BaseException):
                    future.set_exception(_away() if isinstance(found, SQLAlchemyError) else found)
                else:
                    future.set_result(found[place])
        self._worker = None


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
        raise Refused(400, "malformed", f"the body is no JSON in UTF-8, or of another shape: send {sends}") from None


async def _written(act: Any, *given: object) -> bool:  # noqa: ANN401 - of Texts
    """Let a text be written or removed; who is told to come again does no harm by it."""
    try:
        return bool(await asyncio.wait_for(asyncio.to_thread(act, *given), _PATIENCE))
    except Exception as error:  # whatever a bucket's client has for what went wrong
        print(f"bucket: {type(error).__name__}", file=sys.stderr, flush=True)  # its message may name anything
        raise Refused(503, "bucket", "the place for texts is away: send it again in a while", _LATER) from None


def _away() -> Refused:
    return Refused(503, "database", "the database is away: send it again in a while", _LATER)
