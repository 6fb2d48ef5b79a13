"""What an operator chooses, and the bounds of a request."""

from dataclasses import dataclass
from pathlib import Path

from verdict.web.settings import WebSettings

# Of one request: texts in it, characters of a text. All of it is scored in about a second at most.
MOST_TEXTS, MOST_CHARACTERS = 256, 100_000
NAME = "classifier"


@dataclass(frozen=True)
class Settings(WebSettings):
    """How a service runs.

    Args:
        model: the folder of the artifact that users get.
        reference: what the words of texts are counted by; None for what lies beside that folder, if it does.
        beside: a second artifact, whose answers are compared and counted, and never given.
        release: the version that answers name, and the commit that it was made from.
        commit: see `release`.
        receipt_key: what receipts are signed with; None for a key that ends with the process.
        waiting: how many texts may wait for an encoder.
    """

    model: Path
    reference: Path | None = None
    beside: Path | None = None
    release: str = "unreleased"
    commit: str | None = None
    receipt_key: bytes | None = None
    waiting: int = 512
