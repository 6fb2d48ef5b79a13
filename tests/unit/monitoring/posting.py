"""Sends labels to the feedback service in this process."""

import re
from pathlib import Path
from typing import Any

from prometheus_client import generate_latest

from tests.unit.serving.service_client import Reply, ServiceClient
from verdict.monitoring.feedback.service import Feedback, application
from verdict.monitoring.feedback.settings import Settings
from verdict.web.receipts import Receipts

KEY = b"k" * 32
LABELS = ("negative", "neutral", "positive")


class FeedbackHarness(ServiceClient):
    """A feedback service in this process, with a database of its own."""

    def __init__(self, folder: Path, **settings: Any) -> None:  # noqa: ANN401 - of Settings
        values = {"receipt_key": KEY, "labels": LABELS, "database": f"sqlite:///{folder / 'counts.db'}", **settings}
        self.feedback = Feedback(Settings(**values))
        self.application = application(self.feedback)

    async def _settled(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        return await self.reply(method, path, body, headers)

    def label(self, receipt: str, label: str = "positive", **more: object) -> Reply:
        """Post a receipt with a label."""
        return self.post("/feedback", {"receipt": receipt, "label": label, **more})

    def metrics(self) -> str:
        """The text of the metrics."""
        return generate_latest(self.feedback.counters.registry).decode()

    def refused(self) -> dict[str, int]:
        """The number of refused requests, by reason."""
        pairs = re.findall(r'(?m)^verdict_feedback_refused_total{reason="(\w+)"} (\S+)$', self.metrics())
        return {reason: int(float(number)) for reason, number in pairs}

    def counts(self) -> dict[tuple[str, str, str], int]:
        """The counts by release, answer and truth."""
        return {(row.release, row.predicted, row.actual): row.number for row in self.feedback.store.counts()}


def receipt(label: str = "positive", release: str = "v1.0.0", key: bytes = KEY) -> str:
    """A receipt for an answer."""
    return Receipts(key).issuer(release, LABELS)(label, 0.9)
