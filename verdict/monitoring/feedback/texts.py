"""The texts of those who consent: encrypted before they leave this process, in a place of their own, for a time."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyrage
from fsspec.core import url_to_fs  # type: ignore[import-untyped]

from verdict.base.errors import VerdictError
from verdict.monitoring.feedback.settings import Consent
from verdict.web.receipts import Receipt

_EPOCH = date(1970, 1, 1)
_NAME = re.compile(r"/(\d{4}-\d\d-\d\d)/[0-9a-f]{32}\.age$")


class TextStore:
    """The place where they are kept: a folder a day, a file a receipt.

    Raises:
        VerdictError: the key is none, or there is no such kind of place.
    """

    def __init__(self, consent: Consent) -> None:
        bucket, self._days = consent.bucket or "", consent.days
        try:
            self._to = pyrage.x25519.Recipient.from_str(consent.recipient or "")
            self._files, self._root = url_to_fs(bucket, **({} if "://" in bucket else {"auto_mkdir": True}))
        except (pyrage.RecipientError, ImportError, ValueError) as error:
            remedy = "recipient: age1…, the public key that `age-keygen -o KEY` prints; bucket: a folder or s3://…"
            raise VerdictError("params.yaml, feedback", str(error), remedy) from None

    def keep(self, receipt: Receipt, label: str, text: str | Mapping[str, str]) -> None:
        """Write a text; a second time for the same receipt it is the same file."""
        row = {"text": text, "label": label, "received": f"{_today()}", "release": receipt.release}
        self._files.pipe_file(self._path(receipt), pyrage.encrypt(json.dumps(row).encode(), [self._to]))

    def erase(self, receipt: Receipt) -> bool:
        """Remove what came with a receipt; whether there was something."""
        if found := self._files.exists(self._path(receipt)):
            self._files.rm_file(self._path(receipt))
        return bool(found)

    def purge(self) -> int:
        """Remove what is older than it may be; how many texts."""
        old = [name for day, name in self._found() if day < _today() - timedelta(self._days)]
        for name in old:
            self._files.rm_file(name)
        return len(old)

    def rows(self, identity: Path, since: date = _EPOCH) -> Iterator[tuple[str, dict[str, Any] | None]]:
        """The rows since a day, each with a name of its own; None for a file that does not open.

        Raises:
            VerdictError: the file holds no private key of age.
        """
        lines = [line for line in identity.read_text("utf-8", "replace").splitlines() if line.startswith("AGE-SECRET")]
        try:
            keys = [pyrage.x25519.Identity.from_str(line) for line in lines]
        except pyrage.IdentityError:
            keys = []
        if not keys:
            raise VerdictError(str(identity), "no private key of age", "the file that `age-keygen -o KEY` wrote")
        for name in (name for day, name in self._found() if day >= since):
            try:
                yield Path(name).stem, json.loads(pyrage.decrypt(self._files.cat_file(name), keys))
            except (pyrage.DecryptError, ValueError):  # of another key, or cut off by a kill, after which it came again
                yield Path(name).stem, None

    def _path(self, receipt: Receipt) -> str:
        # By what the receipt alone says, so that whoever has it can have the text erased, and nobody else finds it.
        return f"{self._root}/{_EPOCH + timedelta(receipt.day)}/{sha256(receipt.nonce.encode()).hexdigest()[:32]}.age"

    def _found(self) -> list[tuple[date, str]]:
        names = self._files.find(self._root) if self._files.exists(self._root) else []
        return [(date.fromisoformat(found[1]), name) for name in names if (found := _NAME.search(name))]


def _today() -> date:
    return datetime.now(UTC).date()
