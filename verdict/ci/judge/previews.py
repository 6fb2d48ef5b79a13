"""Collects the judged artifacts of pull requests that are to get a preview. They are data, bound for the serving host.

A pull request qualifies by its label and by the lack of a deployment for its head, whatever event started the run. So
nothing is done twice, and the next run sees a late label.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from verdict.base.errors import VerdictError
from verdict.base.paths import ARTIFACT
from verdict.ci.github.client import GitHub
from verdict.ci.github.preview import LABEL
from verdict.ci.judge.unpack import download, limit, refused
from verdict.ci.run import bundle

# The artifact's name in report.yml, without the commit. Only the judge runs there, by main's code.
_NAME, _SOURCE = "judged", (".github/workflows/report.yml", "workflow_run")
_MOST = 10


def save_artifact(folder: Path, target: Path) -> None:
    """Save the artifact of an unpacked, judged bundle, as a bundle of nothing else."""
    files = [path.relative_to(folder).as_posix() for path in sorted((folder / ARTIFACT).glob("*"))]
    bundle.write(target, bundle.Header(bundle.REPRODUCED), folder, files, {})


def collect(github: GitHub, max_artifact_mb: float, out: Path) -> tuple[dict[int, str], set[int]]:
    """Download the artifacts of new previews into `out`, each into a folder named by the pull request's number.

    Args:
        github: the API, with a token that may read pull requests, runs and deployments.
        max_artifact_mb: the limit of main's policy.
        out: the folder to fill.

    Returns:
        The commits of new previews by number, refused artifacts included; the numbers of all pull requests with the
        label.
    """
    base = github.get("")["default_branch"]
    pulls = [pull for pull in github.pages("/pulls", state="open", base=base) if _has_label(pull)]
    taken: dict[int, str] = {}
    for number, head in ((int(pull["number"]), str(pull["head"]["sha"])) for pull in pulls):
        is_next = len(taken) < _MOST and not _has_deployment(github, number, head)
        artifact = _judged_artifact(github, head) if is_next else None
        if artifact is None:
            continue
        taken[number] = head
        try:
            _fetch(github, artifact, out / str(number), limit(max_artifact_mb))
        except VerdictError as error:
            print(f"#{number}: {error}")
    return taken, {int(pull["number"]) for pull in pulls}


def _has_label(pull: dict[str, Any]) -> bool:
    return LABEL in [label["name"] for label in pull["labels"]]


def _has_deployment(github: GitHub, number: int, head: str) -> bool:
    """Return whether this commit had its preview, or was refused one."""
    return bool(github.get("/deployments", environment=f"{LABEL}/pr-{number}", sha=head, per_page=1))


def _judged_artifact(github: GitHub, head: str) -> dict[str, Any] | None:
    """Return the newest artifact that the judge saved for a commit; other runs may have artifacts of that name."""
    artifacts = github.pages("/actions/artifacts", "artifacts", name=f"{_NAME}-{head}")
    for artifact in sorted((item for item in artifacts if not item["expired"]), key=lambda item: -int(item["id"])):
        run = github.get(f"/actions/runs/{int(artifact['workflow_run']['id'])}")
        if (str(run["path"]).partition("@")[0], run["event"]) == _SOURCE:
            return dict(artifact)
    return None


def _fetch(github: GitHub, artifact: dict[str, Any], target: Path, most_bytes: int) -> None:
    with tempfile.TemporaryDirectory(prefix="verdict-") as name:
        files = Path(name) / "files"
        download(github, artifact, files, most_bytes)
        if not (files / ARTIFACT).is_dir():
            raise refused("holds no artifact")
        shutil.copytree(files / ARTIFACT, target)
