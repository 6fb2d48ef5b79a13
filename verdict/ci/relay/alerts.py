"""Alertmanager's webhook, and what of an alert goes to GitHub. Labels are anybody's: they are cut and cleaned here."""

import re
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter

from verdict.base.printable import plain

# Alerts in one call, which Alertmanager sends at most (max_alerts), with room.
MOST = 500
REASONS = ("drift", "degradation")
_NAME, _TEXT = 100, 300  # characters


class Alert(BaseModel):
    """One alert, as far as it is read."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str]
    since: Annotated[AwareDatetime, Field(alias="startsAt")]
    fingerprint: Annotated[str, Field(pattern="^[0-9a-f]{1,64}$")]

    @property
    def ignored(self) -> str:
        """Why it goes no further; nothing where it does."""
        if self.status == "resolved":
            return "resolved"
        return "" if self.labels.get("reason") in REASONS else "foreign"

    def payload(self) -> dict[str, str]:
        """What GitHub gets: nine texts, of letters, digits and harmless marks alone."""
        since = self.since.isoformat()
        return {
            "alert": _name(self.labels.get("alertname", "")),
            **{name: _name(self.labels.get(name, "")) for name in ("reason", "release", "kind")},
            **{name: _number(self.annotations.get(name, "")) for name in ("value", "limit")},
            "since": since,
            "told": _cleaned(self.annotations.get("summary", ""), _TEXT),
            "key": f"{self.fingerprint}-{since}",
        }


class _Webhook(BaseModel):
    version: Literal["4"]
    alerts: Annotated[list[Alert], Field(max_length=MOST)]


_WEBHOOK = TypeAdapter(_Webhook)


def parse(body: bytes) -> list[Alert]:
    """The alerts of a call; `ValueError` where it is not Alertmanager's."""
    return _WEBHOOK.validate_json(body).alerts


def _cleaned(text: str, most: int) -> str:
    """Text that no Markdown, HTML, shell or expression can be made of, and that names nobody."""
    return re.sub(r"[^\w .,:;%()/+=-]", "_", plain(text, most))


def _name(text: str) -> str:
    return _cleaned(text, _NAME).replace(" ", "_")


def _number(text: str) -> str:
    return text if re.fullmatch(r"[+-]?[0-9.]{1,20}(e[+-]?[0-9]{1,3})?", text) else ""
