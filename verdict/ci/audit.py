"""Checks of main: its workflow reproduces each merge, and the nightly audit runs every stage from nothing."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.files import read_json, write_json
from verdict.base.paths import EVALUATION, GENERATED
from verdict.ci import lock_diff
from verdict.ci.github.client import GitHub
from verdict.ci.github.issues import sync_issue
from verdict.ci.run.reproduce import stage_outputs
from verdict.repo import repro
from verdict.repo.hardware import hardware
from verdict.repo.isolation.sandbox import STRICT
from verdict.repo.lock.check import check
from verdict.repo.lock.lockfile import LOCK
from verdict.repo.remote.storage import Storage
from verdict.repo.revisions import Revision, resolve, working_tree
from verdict.repo.sources import obtain_data, obtain_pretrained

LABEL = "audit"
_TITLE = "Audit: running main again gives something else"
_UNFINISHED = "The nightly run of every stage from nothing did not come to its end. Its log says why: {url}"


@dataclass(frozen=True)
class Audit:
    """A run of main compared with main's files: differences of dvc.lock, metrics that moved, and the hardware."""

    commit: str
    differences: list[str]
    moved: list[str]
    hardware: dict[str, str]


def reproduce_main(root: Path, remote: bool, fresh: bool) -> Audit:
    """Run main's DAG and compare its results with the ones that main has.

    All results that git tracks are removed first, dvc.lock too: else DVC would take a stage's outputs from the cache or
    the remote because the lock names them, and not ask its own record of runs.

    Args:
        root: a checkout of main without changes.
        remote: whether DVC's remote may be used.
        fresh: run every stage, and use no record of an earlier run.

    Raises:
        VerdictError: a stage failed, dvc.lock is not consistent with the tree, or the remote does not answer.
    """
    main = resolve(root, "HEAD")
    if findings := check(root):
        what = "; ".join(f"{finding.stage}: {finding.where}: {finding.what}" for finding in findings[:3])
        raise VerdictError(f"{LOCK} of main", what, "verdict lock; dvc repro, and a pull request with it")
    if remote and not fresh:
        with Storage(root):  # its error says more than DVC's "Forbidden"
            pass
    _remove_tracked(main)
    obtain_data(root, remote)
    obtain_pretrained(root, root)
    if fresh:
        repro.reproduce(root, STRICT, force=True, run_cache=False)
    else:
        repro.reproduce(root, STRICT, pull=remote)
    differences = lock_diff.differences(main.stages, working_tree(root).stages)
    metrics = read_json(root / EVALUATION, "dvc repro -f evaluate")
    moved = lock_diff.changed_metrics(json.loads(main.text(EVALUATION) or "null"), metrics)
    return Audit(str(main.commit), differences, moved, hardware())


def _remove_tracked(main: Revision) -> None:
    for path in (LOCK, *stage_outputs(main.text(LOCK) or "")):
        if GENERATED.fullmatch(path):
            (main.root / path).unlink(missing_ok=True)


def summary(audit: Audit) -> str:
    """Return the outcome as text for a log."""
    if not audit.differences:
        return f"main is true: running {audit.commit[:10]} gives the hashes of its {LOCK}"
    lines = [f"main's {LOCK} is not what running gives, on {audit.hardware['hardware_class']}:", *audit.differences]
    return "\n".join([*lines, *(audit.moved or ["no figure moved in the digits that we print"])])


def write_audit(audit: Audit, path: Path) -> None:
    """Write the outcome for the job that may write issues."""
    write_json(path, asdict(audit))


def report(github: GitHub, path: Path, url: str) -> None:
    """Open or update the issue about differences; close it when there are none."""
    audit = Audit(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None
    body = _UNFINISHED.format(url=url) if audit is None else _issue(audit, url) if audit.differences else ""
    commit = audit.commit if audit else ""
    solved = f"Running {commit} from nothing gives the hashes of its `dvc.lock` again: {url}"
    sync_issue(github, _TITLE, LABEL, body, solved)


def _issue(audit: Audit, url: str) -> str:
    from verdict.review.report.markup import Template, fit

    template = Template(Path(__file__).parent / "templates" / "comments.md.j2")
    return fit(template.all("audit", audit, url), whole="the run's log")
