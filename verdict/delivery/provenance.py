"""The provenance of a release: the message of its tag, and the same bytes as an asset of its GitHub release."""

import hashlib
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from verdict.base.errors import VerdictError
from verdict.ci.github.client import GitHub

NAME = "classifier"  # as dvc.yaml calls the artifact
FILE = "provenance.json"
_SHA256 = r"[0-9a-f]{64}"
Hash = Annotated[str, Field(pattern=f"^{_SHA256}$")]


class Provenance(BaseModel):
    """The claims of a release, which `verdict release verify` checks elsewhere.

    Args:
        version: such as v1.2.0.
        commit: of main.
        run: of main.yml, which reproduced the commit.
        pull: the pull request that was merged, if any.
        check: the judge's check of it.
        artifact: hash of models/classifier in dvc.lock.
        manifest: SHA-256 of its manifest.json.
        inputs: of all that goes into the image but artifact, version and commit.
        image: with its digest.
        sbom: SHA-256.
        scores: of the test split, [value, low, high] by metric.
        differs: the share of test texts that get another label than by the release before.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Annotated[str, Field(pattern=r"^v\d+\.\d+\.\d+$")]
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    run: int
    pull: int | None
    check: int | None
    artifact: Annotated[str, Field(pattern=r"^[0-9a-f]{32}\.dir$")]
    manifest: Hash
    inputs: Hash
    image: Annotated[str, Field(pattern=rf"^[\w.:/-]+@sha256:{_SHA256}$")]
    sbom: Hash
    scores: dict[str, tuple[float, float, float]]
    differs: Annotated[float, Field(ge=0, le=1)] = 0.0

    def text(self) -> str:
        """Return it as JSON, always in the same bytes."""
        return self.model_dump_json(indent=2)

    @classmethod
    def of(cls, text: str, where: str, remedy: str = "release.yml writes it: docs/releases.md") -> "Provenance":
        """Parse a text; `VerdictError` where it is not a provenance."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            what = f"no provenance: {'.'.join(map(str, first['loc']))}: {first['msg']}"
            raise VerdictError(where, what, remedy) from None

    @property
    def digest(self) -> str:
        """The digest of the asset, in GitHub's form."""
        return f"sha256:{hashlib.sha256(self.text().encode()).hexdigest()}"

    def about(self) -> str:
        """Return the release in Markdown, for the model card and the list."""
        scores = [f"{name} {value:.4f} [{low:.4f}, {high:.4f}]" for name, (value, low, high) in self.scores.items()]
        pull = f"pull request #{self.pull}" if self.pull else "no pull request"
        origin = f"commit {self.commit} ({pull}, run {self.run} of main.yml)"
        return f"{self.version}, {origin}, `{self.image}`; test split: {', '.join(scores)}"


def run_of_main(github: GitHub, commit: str) -> tuple[dict[str, Any] | None, str]:
    """Return the successful run of main.yml for a commit on the default branch, or None; and the runs in words."""
    query = {"head_sha": commit, "event": "push", "branch": str(github.get("")["default_branch"])}
    listed = github.pages("/actions/workflows/main.yml/runs", "workflow_runs", **query)
    runs = [run for run in listed if (run["head_repository"] or {}).get("full_name") == github.repository]
    green = next((run for run in runs if run["conclusion"] == "success"), None)
    ended = ", ".join(f"run {run['id']}: {run['conclusion'] or run['status']}" for run in runs)
    return green, ended or "no run of main.yml after a push to main"


def origin_of(github: GitHub, commit: str) -> dict[str, Any]:
    """Return `run`, `pull` and `check` of a commit; `VerdictError` where main.yml did not reproduce it."""
    run, why = run_of_main(github, commit)
    if run is None:
        raise VerdictError(f"commit {commit[:10]}", f"not reproduced: {why}", "release what main.yml reproduced")
    pulls = github.pages(f"/commits/{commit}/pulls")
    pull = next((pull for pull in pulls if pull["merged_at"]), None)
    if pull is None:
        return {"run": run["id"], "pull": None, "check": None}
    # "verdict" is the check that the App of the judge sets (verdict/ci/publish/publish.py).
    checks = github.pages(f"/commits/{pull['head']['sha']}/check-runs", "check_runs", check_name="verdict")
    check = next((check["id"] for check in checks if check["conclusion"] == "success"), None)
    return {"run": run["id"], "pull": pull["number"], "check": check}
