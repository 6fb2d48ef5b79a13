"""Reads Alertmanager's webhook, and builds the payloads for GitHub. Labels are untrusted: they are cut and cleaned."""

import re
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field

from verdict.base.printable import plain

# Alerts in one call: more than Alertmanager's max_alerts.
MOST = 500
REASONS = ("drift", "degradation")
_MOST_NAME, _MOST_TEXT = 100, 300  # characters


class Alert(BaseModel):
    """An alert: the fields that are read of it."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str]
    since: Annotated[AwareDatetime, Field(alias="startsAt")]
    fingerprint: Annotated[str, Field(pattern="^[0-9a-f]{1,64}$")]

    @property
    def ignored(self) -> str:
        """The reason for ignoring the alert; empty if it goes to GitHub."""
        if self.status == "resolved":
            return "resolved"
        return "" if self.labels.get("reason") in REASONS else "foreign"

    def payload(self) -> dict[str, str]:
        """Return the payload for GitHub: nine texts of letters, digits and harmless marks."""
        since = self.since.isoformat()
        return {
            "alert": _name(self.labels.get("alertname", "")),
            **{name: _name(self.labels.get(name, "")) for name in ("reason", "release", "kind")},
            **{name: _number(self.annotations.get(name, "")) for name in ("value", "limit")},
            "since": since,
            "told": _cleaned(self.annotations.get("summary", ""), _MOST_TEXT),
            "key": f"{self.fingerprint}-{since}",
        }


class _Webhook(BaseModel):
    version: Literal["4"]
    alerts: Annotated[list[Alert], Field(max_length=MOST)]


def parse(body: bytes) -> list[Alert]:
    """Return the alerts of a call; `ValueError` if it is not Alertmanager's."""
    return _Webhook.model_validate_json(body).alerts


def _cleaned(text: str, most: int) -> str:
    """Return text without the characters of Markdown, HTML, shell commands, expressions and mentions."""
    return re.sub(r"[^\w .,:;%()/+=-]", "_", plain(text, most))


def _name(text: str) -> str:
    return _cleaned(text, _MOST_NAME).replace(" ", "_")


def _number(text: str) -> str:
    return text if re.fullmatch(r"[+-]?[0-9.]{1,20}(e[+-]?[0-9]{1,3})?", text) else ""
