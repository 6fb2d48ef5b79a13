"""Which pull requests get a preview, and the artifact of each as the judge left it: data, on its way to their host.

Asked by the label, by the head, and by what was told before: whatever started this, nothing is done twice, and a label
that comes late is seen by the next run.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from verdict.base.errors import VerdictError
from verdict.base.paths import ARTIFACT
from verdict.ci.github.client import GitHub
from verdict.ci.github.preview import LABEL
from verdict.ci.judge.unpack import limit, refused, unpack
from verdict.ci.run import bundle

# What report.yml calls the artifact, before the commit; the judge alone runs there, by main's code.
_NAME, _BY = "judged", (".github/workflows/report.yml", "workflow_run")
_MOST = 10


def lay_aside(folder: Path, target: Path) -> None:
    """Keep the artifact of an unpacked bundle that was judged, as a bundle of nothing else."""
    files = [path.relative_to(folder).as_posix() for path in sorted((folder / ARTIFACT).glob("*"))]
    bundle.write(target, bundle.Header(bundle.REPRODUCED), folder, files, {})


def collect(github: GitHub, max_artifact_mb: float, out: Path) -> tuple[dict[int, str], set[int]]:
    """Put the artifacts of previews that are not there yet into `out`, a folder by number each.

    Args:
        github: the API, with a token that may read pull requests, runs and deployments.
        max_artifact_mb: by main's policy.
        out: a folder for them.

    Returns:
        The commits of those that are new, by number, also where what is there was refused; all that are wanted.
    """
    base = github.get("")["default_branch"]
    pulls = [pull for pull in github.pages("/pulls", state="open", base=base) if _is_wanted(pull)]
    taken: dict[int, str] = {}
    for number, head in ((int(pull["number"]), str(pull["head"]["sha"])) for pull in pulls):
        found = _judged(github, head) if len(taken) < _MOST and not _has_deployment(github, number, head) else None
        if found is None:
            continue
        taken[number] = head
        try:
            _fetch(github, found, out / str(number), limit(max_artifact_mb))
        except VerdictError as error:
            print(f"#{number}: {error}")
    return taken, {int(pull["number"]) for pull in pulls}


def _is_wanted(pull: dict[str, Any]) -> bool:
    return LABEL in [label["name"] for label in pull["labels"]]


def _has_deployment(github: GitHub, number: int, head: str) -> bool:
    """Whether this commit had its preview, or was refused one."""
    return bool(github.get("/deployments", environment=f"{LABEL}/pr-{number}", sha=head, per_page=1))


def _judged(github: GitHub, head: str) -> dict[str, Any] | None:
    """The newest artifact that the judge laid aside for a commit; any run can have one of the same name."""
    listed = github.pages("/actions/artifacts", "artifacts", name=f"{_NAME}-{head}")
    for found in sorted((one for one in listed if not one["expired"]), key=lambda one: -int(one["id"])):
        run = github.get(f"/actions/runs/{int(found['workflow_run']['id'])}")
        if (str(run["path"]).partition("@")[0], run["event"]) == _BY:
            return dict(found)
    return None


def _fetch(github: GitHub, found: dict[str, Any], target: Path, most: int) -> None:
    if found["size_in_bytes"] > most:
        raise refused(f"{found['size_in_bytes'] / 1e6:,.0f} MB; at most {most / 1e6:,.0f} MB are taken")
    with tempfile.TemporaryDirectory(prefix="verdict-") as place:
        archive = Path(place) / "judged.zip"
        github.download(f"/actions/artifacts/{int(found['id'])}/zip", archive, most)
        unpack(archive, Path(place) / "files", most)
        if not (Path(place) / "files" / ARTIFACT).is_dir():
            raise refused("holds no artifact")
        shutil.copytree(Path(place) / "files" / ARTIFACT, target)
