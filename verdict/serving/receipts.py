"""A receipt goes with each answer: whoever brings it back with the true label need not bring the text.

DAY.LABEL.PERMILLE.NONCE.MAC, all hexadecimal; the MAC is over these and the release that answered.
"""

import hashlib
import hmac
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

_DAY = 86_400


def _nonces(prefix: str) -> Iterator[str]:
    return (f"{prefix}{number:x}" for number in count())


class Told(NamedTuple):
    """What a receipt says: when, which label, how sure, and what makes it one of its kind."""

    day: int
    label: int
    permille: int
    nonce: str


@dataclass(frozen=True)
class Receipts:
    """Signs and reads receipts of one release."""

    release: str
    key: bytes = field(default_factory=lambda: os.urandom(32), repr=False)
    # No two processes share the first half of a nonce, and no two answers of a process the second.
    _nonces: Iterator[str] = field(init=False, repr=False, default_factory=lambda: _nonces(os.urandom(8).hex()))

    def issue(self, label: int, probability: float) -> str:
        """A receipt for an answer that was given now."""
        said = f"{int(time.time()) // _DAY:x}.{label:x}.{round(probability * 1000):x}.{next(self._nonces)}"
        return f"{said}.{self._mac(said)}"

    def read(self, receipt: str, days: int = 7) -> Told | None:
        """What a receipt says; None when it is forged, of another release or key, or older than `days`."""
        said, _, mac = receipt.rpartition(".")
        if not receipt.isascii() or not hmac.compare_digest(mac, self._mac(said)):
            return None
        day, label, permille, nonce = said.split(".")
        told = Told(int(day, 16), int(label, 16), int(permille, 16), nonce)
        return told if 0 <= int(time.time()) // _DAY - told.day <= days else None

    def _mac(self, said: str) -> str:
        # BLAKE2 with a key is a MAC like HMAC, at a tenth of what OpenSSL takes for one.
        return hashlib.blake2b(f"{self.release}\n{said}".encode(), key=self.key[:64], digest_size=16).hexdigest()
