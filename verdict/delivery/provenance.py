"""What a release says of itself: the message of its tag, and word for word an asset of its GitHub release."""

import hashlib
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from verdict.base.errors import VerdictError
from verdict.ci.github.client import GitHub

NAME = "classifier"  # as dvc.yaml calls the artifact
FILE = "provenance.json"
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Origin(BaseModel):
    """Where a commit comes from: the run of main.yml that reproduced it; its pull request and the judge's check."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    run: int
    pull: int | None
    check: int | None


class Provenance(Origin):
    """All that `verdict release verify` asks again, elsewhere; `scores` are [value, low, high] of the test split."""

    version: Annotated[str, Field(pattern=r"^v\d+\.\d+\.\d+$")]
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    artifact: Annotated[str, Field(pattern=r"^[0-9a-f]{32}\.dir$")]  # of dvc.lock
    manifest: Hash
    inputs: Hash  # all that goes into the image but artifact, version and commit
    image: Annotated[str, Field(pattern=r"^[\w.:/-]+@sha256:[0-9a-f]{64}$")]
    sbom: Hash
    scores: dict[str, tuple[float, float, float]] = Field(strict=False)

    def text(self) -> str:
        """As JSON, always in the same bytes."""
        return self.model_dump_json(indent=2)

    @classmethod
    def of(cls, text: str, where: str) -> "Provenance":
        """Read it; `VerdictError` where a text is none."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            what = f"no provenance: {'.'.join(map(str, first['loc']))}: {first['msg']}"
            raise VerdictError(where, what, "release.yml writes it: docs/releases.md") from None

    @property
    def digest(self) -> str:
        """As GitHub names the bytes of the asset."""
        return "sha256:" + hashlib.sha256(self.text().encode()).hexdigest()

    def about(self) -> str:
        """The release in Markdown, for the model card and its page at GitHub."""
        scores = ", ".join(f"{name} {one:.4f} [{low:.4f}, {high:.4f}]" for name, (one, low, high) in self.scores.items())
        pull = f"pull request #{self.pull}" if self.pull else "no pull request"
        return f"{self.version}, commit {self.commit} ({pull}, run {self.run} of main.yml), `{self.image}`; test: {scores}"


def run_of_main(github: GitHub, commit: str) -> tuple[dict[str, Any] | None, str]:
    """The run of main.yml that reproduced a commit, after a push to the default branch; None, and why there is none."""
    asked = {"head_sha": commit, "event": "push", "branch": str(github.get("")["default_branch"])}
    runs = [
        run
        for run in github.pages("/actions/workflows/main.yml/runs", "workflow_runs", **asked)
        if (run.get("head_repository") or {}).get("full_name") == github.repository
    ]
    green = [run for run in runs if run["conclusion"] == "success"]
    ended = ", ".join(f"run {run['id']}: {run['conclusion'] or run['status']}" for run in runs)
    return (green[0] if green else None), ended or "no run of main.yml after a push to main"


def origin_of(github: GitHub, commit: str) -> Origin:
    """Where a commit comes from; `VerdictError` where main.yml did not reproduce it."""
    run, why = run_of_main(github, commit)
    if run is None:
        raise VerdictError(f"commit {commit[:10]}", f"not reproduced: {why}", "release what main.yml reproduced")
    pulls = [one for one in github.pages(f"/commits/{commit}/pulls") if one["merged_at"]]
    head = pulls[0]["head"]["sha"] if pulls else ""
    checks = list(github.pages(f"/commits/{head}/check-runs", "check_runs", check_name="verdict")) if head else []
    check = next((int(one["id"]) for one in checks if one["conclusion"] == "success"), None)
    return Origin(run=int(run["id"]), pull=int(pulls[0]["number"]) if pulls else None, check=check)
