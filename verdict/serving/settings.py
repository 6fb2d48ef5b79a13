"""The settings of a service, and the limits of a request."""

from dataclasses import dataclass
from pathlib import Path

from verdict.web.settings import WebSettings

# Texts of a request, characters of a text: the largest request is scored in about a second.
MOST_TEXTS, MOST_CHARACTERS = 256, 100_000
NAME = "classifier"


@dataclass(frozen=True)
class Settings(WebSettings):
    """The settings of a service.

    Args:
        model: folder of the artifact.
        reference: file by which words are counted; None for the one beside that folder, if there is one.
        beside: folder of a second artifact, whose answers are only compared and counted.
        release: the version that answers name.
        commit: that the release was made from.
        receipt_key: signs receipts; None for a key that ends with the process.
        waiting: how many texts may wait for an encoder.
    """

    model: Path
    reference: Path | None = None
    beside: Path | None = None
    release: str = "unreleased"
    commit: str | None = None
    receipt_key: bytes | None = None
    waiting: int = 512
