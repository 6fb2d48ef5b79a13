"""deploy/storage/lifecycle.json: what expires in a bucket by itself."""

import json
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.s3 import S3

CONFIGURATION: dict[str, Any] = json.loads((ROOT / "deploy/storage/lifecycle.json").read_text(encoding="utf-8"))


def lives(key: str) -> int | None:
    """After how many days the current version of an object expires; None: never."""
    rules = [rule for rule in CONFIGURATION["Rules"] if rule["Status"] == "Enabled" and "Expiration" in rule]
    days = [rule["Expiration"]["Days"] for rule in rules if key.startswith(rule["Filter"]["Prefix"])]
    return min(days, default=None)


def test_a_server_takes_the_rules(s3: S3) -> None:
    """The file is what `aws s3api put-bucket-lifecycle-configuration` sends, and comes back as it is."""
    assert s3.lifecycle(CONFIGURATION) == CONFIGURATION["Rules"]


@pytest.mark.parametrize("remote", ["", "prefix/", "verdict/main/", "releases/"])
def test_nothing_of_mains_remote_expires(remote: str) -> None:
    """Wherever main's remote is in the bucket, its objects and its run-cache stay, whatever their age."""
    assert lives(f"{remote}files/md5/00/11") is None
    assert lives(f"{remote}runs/00/0011/2233") is None


def test_sweeps_and_pull_requests_expire() -> None:
    """Their prefixes are those of the documents; what pull requests write lives as long as GitHub keeps a bundle."""
    assert (lives("sweeps/files/md5/00/11"), lives("pulls/files/md5/00/11")) == (90, 14)
    assert "s3://bucket/sweeps" in (ROOT / "docs/github.md").read_text(encoding="utf-8")
    assert "`pulls/`" in (ROOT / "docs/remote.md").read_text(encoding="utf-8")


def test_what_nobody_can_see_is_cleaned_everywhere() -> None:
    """Broken uploads and versions that were replaced are on the bill alone: their rules hold for the whole bucket."""
    whole = {key for rule in CONFIGURATION["Rules"] if rule["Filter"] == {"Prefix": ""} for key in rule}
    assert whole == {"ID", "Status", "Filter", "AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration"}
