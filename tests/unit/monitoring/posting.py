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


class Posted(ServiceClient):
    """A service that counts, and what makes receipts for it."""

    def __init__(self, folder: Path, **settings: Any) -> None:  # noqa: ANN401 - of Settings
        given = {"receipt_key": KEY, "labels": LABELS, "database": f"sqlite:///{folder / 'counts.db'}", **settings}
        self.feedback = Feedback(Settings(**given))
        self.application = application(self.feedback)

    async def _settled(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        return await self.reply(method, path, body, headers)

    def label(self, receipt: str, label: str = "positive", **more: object) -> Reply:
        """Bring a receipt back."""
        return self.post("/feedback", {"receipt": receipt, "label": label, **more})

    def metrics(self) -> str:
        """What Prometheus would read."""
        return generate_latest(self.feedback.counters.registry).decode()

    def refused(self) -> dict[str, int]:
        """How many were refused, by reason."""
        found = re.findall(r'(?m)^verdict_feedback_refused_total{reason="(\w+)"} (\S+)$', self.metrics())
        return {reason: int(float(number)) for reason, number in found}

    def counts(self) -> dict[tuple[str, str, str], int]:
        """The counts by release, answer and truth."""
        return {(one.release, one.predicted, one.actual): one.number for one in self.feedback.store.counts()}


def receipt(label: str = "positive", release: str = "v1.0.0", key: bytes = KEY) -> str:
    """A receipt of an answer."""
    return Receipts(key).issuer(release, LABELS)(label, 0.9)
