"""Verify a release: each claim is checked at a source that a forger of the release does not control as well."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from verdict.base.errors import VerdictError
from verdict.base.outcome import CANNOT_JUDGE, FAIL, PASS
from verdict.base.paths import ARTIFACT
from verdict.ci.github.client import ApiError, GitHub
from verdict.delivery import images
from verdict.delivery.build import SBOM
from verdict.delivery.provenance import FILE, Provenance, run_of_main
from verdict.delivery.registry import Tag
from verdict.repo.remote.storage import Storage
from verdict.repo.revisions import Revision, checked_hash


class FalseClaimError(Exception):
    """A claim is false; the message says what was found instead."""


@dataclass(frozen=True)
class Claim:
    """A claim of a release, whether it holds (None: cannot be judged), and the finding."""

    name: str
    holds: bool | None
    finding: str


@dataclass(frozen=True)
class Case:
    """A release and the sources to check it.

    Args:
        root: a checkout with all tags.
        github: the API, with a token that can read.
        tag: of the version.
        app: login of the App that releases.
        repository: where its images are.
    """

    root: Path
    github: GitHub
    tag: Tag
    app: str
    repository: str

    @cached_property
    def provenance(self) -> Provenance:
        """The provenance in the tag's message."""
        try:
            return self.tag.provenance
        except VerdictError as error:
            raise FalseClaimError(error.what) from None

    @cached_property
    def assets(self) -> dict[str, Any]:
        """The assets of GitHub's release by name; GitHub itself writes who uploaded them."""
        try:
            release = self.github.get(f"/releases/tags/{quote(self.tag.name)}")
        except ApiError as error:
            if error.status != 404:
                raise
            raise FalseClaimError("GitHub has no release of this tag") from None
        return {asset["name"]: asset for asset in release["assets"]}


def claims(case: Case) -> Iterator[Claim]:
    """Check each claim."""
    for name, check in _CLAIMS.items():
        try:
            yield Claim(name, True, check(case))
        except FalseClaimError as error:
            yield Claim(name, False, str(error))
        except VerdictError as error:
            yield Claim(name, None, f"{error.where}: {error.what}; {error.remedy}")


def exit_code(results: list[Claim]) -> int:
    """Return 1 when a claim is false, 2 when one cannot be judged, 0 when all hold."""
    if any(claim.holds is False for claim in results):
        return FAIL
    return PASS if all(claim.holds for claim in results) else CANNOT_JUDGE


def _require(what: str, actual: object, expected: object) -> None:
    if actual != expected:
        raise FalseClaimError(f"{what} is {actual}, not {expected}")


def _tagger(case: Case) -> str:
    """The App set the tag, and uploaded the asset: anybody can write a tagger, but not an uploader."""
    _require("the tagger", case.tag.tagger, case.app)
    uploader = case.assets.get(FILE, {}).get("uploader") or {}
    _require(f"who uploaded {FILE}", uploader.get("login"), case.app)
    return f"{case.app}, who wrote the release, too"


def _tag(case: Case) -> str:
    """The tag has not moved, and its message has not changed."""
    current = case.github.get(f"/git/ref/tags/{quote(case.tag.name)}")["object"]["sha"]
    _require("moved: the tag at GitHub", current, case.tag.id)
    _require("moved: its commit", case.tag.commit, case.provenance.commit)
    _require("its version", case.tag.version, case.provenance.version)
    digest = case.assets.get(FILE, {}).get("digest")
    _require(f"moved: by {FILE} the hash of its message", digest, case.provenance.digest)
    return f"{case.tag.name}, {case.tag.id[:10]}"


def _commit(case: Case) -> str:
    branch = str(case.github.get("")["default_branch"])
    compared = case.github.get(f"/compare/{case.tag.commit}...{quote(branch, safe='')}")
    if compared["status"] not in ("ahead", "identical"):
        raise FalseClaimError(f"{case.tag.commit[:10]} is not merged: {branch} does not have it")
    return f"{case.tag.commit[:10]} is of {branch}"


def _run(case: Case) -> str:
    run, why = run_of_main(case.github, case.tag.commit)
    if run is None:
        raise FalseClaimError(f"main.yml did not reproduce {case.tag.commit[:10]}: {why}")
    _require("the run of main.yml", run["id"], case.provenance.run)
    return f"run {run['id']} of main.yml: success"


def _lock(case: Case) -> str:
    digest = Revision(case.root, case.tag.name, case.tag.commit).hash_of(ARTIFACT)
    _require(f"{ARTIFACT} in dvc.lock", digest, case.provenance.artifact)
    return f"{ARTIFACT}: {digest}"


def _artifact(case: Case) -> str:
    """DVC's remote has the bytes of the artifact; this machine's cache does not count."""
    with Storage(case.root) as storage:
        listing = json.loads(_object(storage, case.provenance.artifact))
        members = {str(entry["relpath"]): checked_hash(entry["md5"], "the listing") for entry in listing}
        files = {name: _object(storage, digest) for name, digest in members.items()}
        where = storage.where()
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    _require("manifest.json of the remote", hashes.pop("manifest.json", "missing"), case.provenance.manifest)
    _require("what its manifest.json names", json.loads(files["manifest.json"])["files"], hashes)
    return f"{len(files)} files of {where}"


def _object(storage: Storage, digest: str) -> bytes:
    content = storage.read(storage.object_at(digest))
    if content is None:
        raise VerdictError(storage.where(), f"has no object {digest[:8]}", "verdict remote")
    _require(f"object {digest[:8]} of the remote", hashlib.md5(content).hexdigest(), digest.removesuffix(".dir"))
    return content


def _image(case: Case) -> str:
    """The registry has the image under the version, and the image holds the artifact."""
    provenance, (name, _, digest) = case.provenance, case.provenance.image.partition("@")
    _require("its repository", name, case.repository)
    _require("re-tagged: the digest under its version", images.read(f"{name}:{provenance.version}").digest, digest)
    image = images.read(provenance.image)
    labels = images.Labels(provenance.version, provenance.commit, provenance.manifest, provenance.inputs)
    _require("what its labels say", image.labels, labels)
    _require("the artifact in its layer", image.manifest, provenance.manifest)
    return provenance.image


def _sbom(case: Case) -> str:
    digest = str(case.assets.get(SBOM, {}).get("digest"))
    _require(f"{SBOM} of the release", digest, f"sha256:{case.provenance.sbom}")
    return digest


_CLAIMS: dict[str, Callable[[Case], str]] = {
    "tagger": _tagger,
    "tag": _tag,
    "commit": _commit,
    "run of main": _run,
    "dvc.lock": _lock,
    "artifact": _artifact,
    "image": _image,
    "SBOM": _sbom,
}
