"""Texts of users who consent: encrypted in this process, kept in a bucket for a limited time."""

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
    """The folder or bucket that holds the texts: a folder for each day, a file for each receipt.

    Raises:
        VerdictError: the key is not one of age, or the kind of bucket is unknown.
    """

    def __init__(self, consent: Consent) -> None:
        bucket, self._days = consent.bucket or "", consent.days
        try:
            self._recipient = pyrage.x25519.Recipient.from_str(consent.recipient or "")
            self._files, self._root = url_to_fs(bucket, **({} if "://" in bucket else {"auto_mkdir": True}))
        except (pyrage.RecipientError, ImportError, ValueError) as error:
            remedy = "recipient: age1…, the public key that `age-keygen -o KEY` prints; bucket: a folder or s3://…"
            raise VerdictError("params.yaml, feedback", str(error), remedy) from None

    def keep(self, receipt: Receipt, label: str, text: str | Mapping[str, str]) -> None:
        """Write a text; a second one for the same receipt replaces the first."""
        row = {"text": text, "label": label, "received": f"{_today()}", "release": receipt.release}
        self._files.pipe_file(self._path(receipt), pyrage.encrypt(json.dumps(row).encode(), [self._recipient]))

    def erase(self, receipt: Receipt) -> bool:
        """Remove the text that came with a receipt; return whether there was one."""
        path = self._path(receipt)
        if exists := self._files.exists(path):
            self._files.rm_file(path)
        return bool(exists)

    def purge(self) -> int:
        """Remove the texts that are older than allowed; return their number."""
        old = [name for day, name in self._dated_names() if day < _today() - timedelta(self._days)]
        for name in old:
            self._files.rm_file(name)
        return len(old)

    def rows(self, identity: Path, since: date = _EPOCH) -> Iterator[tuple[str, dict[str, Any] | None]]:
        """Decrypt the rows since a day: pairs of a unique name and the row, or None for a file that does not open.

        Raises:
            VerdictError: `identity` holds no private key of age.
        """
        lines = [line for line in identity.read_text("utf-8", "replace").splitlines() if line.startswith("AGE-SECRET")]
        try:
            keys = [pyrage.x25519.Identity.from_str(line) for line in lines]
        except pyrage.IdentityError:
            keys = []
        if not keys:
            raise VerdictError(str(identity), "no private key of age", "the file that `age-keygen -o KEY` wrote")
        for name in (name for day, name in self._dated_names() if day >= since):
            try:
                yield Path(name).stem, json.loads(pyrage.decrypt(self._files.cat_file(name), keys))
            except (pyrage.DecryptError, ValueError):  # another key's, or cut off by a kill (the client sends it again)
                yield Path(name).stem, None

    def _path(self, receipt: Receipt) -> str:
        # The receipt alone gives the path: its holder can have the text erased, and no one else can find it.
        return f"{self._root}/{_EPOCH + timedelta(receipt.day)}/{sha256(receipt.nonce.encode()).hexdigest()[:32]}.age"

    def _dated_names(self) -> list[tuple[date, str]]:
        names = self._files.find(self._root) if self._files.exists(self._root) else []
        return [(date.fromisoformat(match[1]), name) for name in names if (match := _NAME.search(name))]


def _today() -> date:
    return datetime.now(UTC).date()
