"""deploy/storage/lifecycle.json: what expires in a bucket by itself."""

import json
from pathlib import Path
from typing import Any

import pyrage
import pytest

from tests.conftest import ROOT
from tests.s3 import S3
from verdict.monitoring.feedback.settings import Consent
from verdict.monitoring.feedback.texts import TextStore
from verdict.web.receipts import Receipt, Receipts

CONFIGURATION: dict[str, Any] = json.loads((ROOT / "deploy/storage/lifecycle.json").read_text(encoding="utf-8"))


FEEDBACK: dict[str, Any] = json.loads((ROOT / "deploy/storage/feedback.json").read_text(encoding="utf-8"))


def lives(key: str) -> int | None:
    """After how many days the current version of an object expires; None: never."""
    rules = [rule for rule in CONFIGURATION["Rules"] if rule["Status"] == "Enabled" and "Expiration" in rule]
    days = [rule["Expiration"]["Days"] for rule in rules if key.startswith(rule["Filter"]["Prefix"])]
    return min(days, default=None)


@pytest.mark.parametrize("configuration", [CONFIGURATION, FEEDBACK], ids=["data", "texts"])
def test_a_server_takes_the_rules(s3: S3, configuration: dict[str, Any]) -> None:
    """The file is what `aws s3api put-bucket-lifecycle-configuration` sends, and comes back as it is."""
    assert s3.lifecycle(configuration) == configuration["Rules"]


@pytest.mark.parametrize("remote", ["", "prefix/", "verdict/main/", "releases/"])
def test_nothing_of_mains_remote_expires(remote: str) -> None:
    """Objects and run-cache of main's remote never expire, wherever it is in the bucket."""
    assert lives(f"{remote}files/md5/00/11") is None
    assert lives(f"{remote}runs/00/0011/2233") is None


def test_sweeps_and_pull_requests_expire() -> None:
    """Their prefixes are those of the documents; what pull requests write lives as long as GitHub keeps a bundle."""
    assert (lives("sweeps/files/md5/00/11"), lives("pulls/files/md5/00/11")) == (90, 14)
    assert "s3://bucket/sweeps" in (ROOT / "docs/github.md").read_text(encoding="utf-8")
    assert "`pulls/`" in (ROOT / "docs/remote.md").read_text(encoding="utf-8")


def test_what_nobody_can_see_is_cleaned_everywhere() -> None:
    """Broken uploads and versions that were replaced are on the bill alone: their rules hold for the whole bucket."""
    is_complete = {key for rule in CONFIGURATION["Rules"] if rule["Filter"] == {"Prefix": ""} for key in rule}
    assert is_complete == {"ID", "Status", "Filter", "AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration"}


def test_texts_live_as_long_as_params_say() -> None:
    """In their bucket all expires, after the days of the group `feedback`, erased versions in a day."""
    days = [rule["Expiration"]["Days"] for rule in FEEDBACK["Rules"] if "Expiration" in rule]
    assert days == [Consent().days]
    assert {rule["Filter"]["Prefix"] for rule in FEEDBACK["Rules"]} == {""}


def test_texts_are_kept_and_purged_in_a_bucket(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 by fsspec, with keys of the environment: written encrypted, read back, erased by receipt, purged by day."""
    for name, value in {**s3.keys(), "AWS_ENDPOINT_URL": s3.endpoint}.items():
        monkeypatch.setenv(name, value)
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "identity").write_text(str(identity))
    consent = Consent(texts=True, recipient=str(identity.to_public()), bucket=f"s3://{s3.bucket}/texts", days=30)
    texts, receipts = TextStore(consent), Receipts(b"k" * 32)
    told = [receipts.read(receipts.issuer("v1.0.0", ("a",))("a", 0.5)) for _ in range(3)]
    one, other, old = (found for found in told if isinstance(found, Receipt))
    for each in (one, other, old._replace(day=old.day - 40)):
        texts.keep(each, "a", "xyzzy")
    assert all(b"xyzzy" not in s3.get(name) for name in s3.names("texts/"))
    assert texts.erase(one)
    assert not texts.erase(one)
    assert texts.purge() == 1
    assert len(s3.names("texts/")) == 1
    ((_, row),) = TextStore(consent).rows(tmp_path / "identity")
    assert row is not None
    assert (row["text"], row["label"], row["release"]) == ("xyzzy", "a", "v1.0.0")
