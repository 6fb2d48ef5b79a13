"""A receipt goes with each answer: whoever brings it back with the true label need not bring the text.

RELEASE.LABEL.DAY.PERMILLE.NONCE.MAC: the first two in base64, the others hexadecimal; the MAC is over all before it.
"""

import hashlib
import hmac
import os
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from itertools import count
from typing import Literal, NamedTuple

_DAY = 86_400


class Receipt(NamedTuple):
    """What a receipt says: which release answered which label, on which day since 1970, how sure, and a nonce."""

    release: str
    label: str
    day: int
    permille: int
    nonce: str


class Receipts:
    """Signs and reads receipts, with a key of its own where none is given."""

    def __init__(self, key: bytes | None = None) -> None:
        # BLAKE2 with a key is a MAC like HMAC, at a tenth of what OpenSSL takes for one.
        self._signed = hashlib.blake2b(key=(key or os.urandom(32))[:64], digest_size=16)

    def issuer(self, release: str, labels: Iterable[str]) -> Callable[[str, float], str]:
        """What makes a receipt for an answer of a release that is given now: of its label, and how sure it is."""
        heads = {label: f"{_encoded(release)}.{_encoded(label)}" for label in labels}
        # No two processes share the first half of a nonce, and no two answers of a process the second.
        process, numbers = os.urandom(8).hex(), count()

        def issue(label: str, probability: float) -> str:
            day, permille = int(time.time()) // _DAY, round(probability * 1000)
            said = f"{heads[label]}.{day:x}.{permille:x}.{process}{next(numbers):x}"
            return f"{said}.{self._mac(said)}"

        return issue

    def read(self, receipt: str, days: int = 7) -> Receipt | Literal["forged", "expired"]:
        """What a receipt says; `forged` also with another key, `expired` after so many days."""
        said, _, mac = receipt.rpartition(".")
        if not receipt.isascii() or not hmac.compare_digest(mac, self._mac(said)):
            return "forged"
        release, label, day, permille, nonce = said.split(".")
        found = Receipt(_decoded(release), _decoded(label), int(day, 16), int(permille, 16), nonce)
        # A clock that is a little ahead of this one makes a receipt of tomorrow, around midnight.
        return found if -1 <= today() - found.day <= days else "expired"

    def _mac(self, said: str) -> str:
        signed = self._signed.copy()
        signed.update(said.encode())
        return signed.hexdigest()


def today() -> int:
    """Days since 1970."""
    return int(time.time()) // _DAY


def _encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decoded(text: str) -> str:
    return urlsafe_b64decode(text + "==").decode()
