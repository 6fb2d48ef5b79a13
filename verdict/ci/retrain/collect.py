"""Adds labelled rows to the table, pushes this version to the remote of retraining, and proposes it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.paths import PARAMS
from verdict.ci.retrain.plan import BRANCHES
from verdict.ci.run.bundle import copy_files
from verdict.ci.run.overrides import apply
from verdict.ci.sweep import proposal
from verdict.ci.sweep.proposal import FILES, Proposal
from verdict.classifier.dataset.formats import FORMATS
from verdict.classifier.dataset.table import format_of
from verdict.classifier.params import load
from verdict.init.add import NOTES, add_rows, read_new_rows
from verdict.init.new_rows import NewRows
from verdict.repo.dvc import dvc, dvc_config
from verdict.repo.raw_data import raw_data
from verdict.repo.remote.storage import Storage
from verdict.repo.revisions import Revision, working_tree
from verdict.repo.sources import RETRAIN_REMOTE
from verdict.review.policy import retrain_of
from verdict.review.report.markup import Template, fit

TEMPLATE = Path(__file__).parent / "templates" / "retrain.md.j2"
_ROWS = "rows"  # the folder of that remote for a team's labelled tables
_NO_REMOTE = f"dvc remote add {RETRAIN_REMOTE} s3://BUCKET/retrain, on main (docs/retraining.md)"


@dataclass(frozen=True)
class Trigger:
    """The alert, run and time of a retraining; `overrides` are other params for it, as KEY=VALUE."""

    alert: Mapping[str, str]
    run: str
    now: datetime
    overrides: str = ""


def collect(main: Revision, folder: Path, trigger: Trigger, out: Path) -> int:
    """Write a proposal if there are enough new rows.

    Args:
        main: the checkout, which is the current folder, with the rules.
        folder: tables of labelled rows; those of the remote are added.
        trigger: the cause of the retraining.
        out: the folder for the proposal.

    Returns:
        The number of missing rows; 0 if there is a proposal.

    Raises:
        VerdictError: rows cannot be read or pushed.
    """
    params, rules, root = load(), retrain_of(main), main.root
    has_remote = RETRAIN_REMOTE in dvc_config(root)["remote"]
    if has_remote:
        with Storage(root, RETRAIN_REMOTE) as storage:
            storage.download_all(_ROWS, folder)
    tables = sorted(path for path in folder.rglob("*") if path.is_file() and format_of(path) in FORMATS)
    new = read_new_rows(root, params, tables, rules.columns, lenient=True) if tables else NewRows([], Counter(), [])
    print(f"{len(new.rows)} new rows in {len(tables)} tables; left out: {dict(new.left_out)}")
    if len(new.rows) < rules.min_labels:
        return rules.min_labels - len(new.rows)
    if not has_remote:
        raise VerdictError(".dvc/config", f"has no remote {RETRAIN_REMOTE}: nobody could get the new rows", _NO_REMOTE)
    if trigger.overrides.strip():
        apply(root, trigger.overrides)
    add_rows(root, params, new, f"retraining: {trigger.run}", trigger.now.date())
    _push(root)
    _propose(main, new, trigger, out)
    return 0


def _push(root: Path) -> None:
    """Push the new version to the remote of retraining, and check that it is there."""
    raw = raw_data(working_tree(root))
    remedy = f"the key must write to the remote {RETRAIN_REMOTE}"
    dvc(root, "push", "--remote", RETRAIN_REMOTE, raw.pointer, remedy=remedy)
    with Storage(root, RETRAIN_REMOTE) as storage:
        if not storage.existing([storage.object_at(raw.digest)]):
            raise VerdictError(storage.where(), f"does not hold {raw.digest} after the push", "run the job again")


def _propose(main: Revision, new: NewRows, trigger: Trigger, out: Path) -> None:
    raw, count = raw_data(working_tree(main.root)), len(new.rows)
    files = [raw.pointer, NOTES, *([PARAMS] if trigger.overrides.strip() else [])]
    copy_files(main.root, files, out / FILES)
    branch = f"{BRANCHES}{trigger.now:%Y-%m-%d}-{trigger.run.rpartition('/')[2]}"
    mark, title = f"Retrain: {branch}", f"Retrain with {count:,} new labelled rows"
    facts = {
        "path": raw.path,
        "count": count,
        "alert": trigger.alert,
        "run": trigger.run,
        "overrides": trigger.overrides.split(),
        "rows": sorted(new.counts.items()),
        "left_out": new.left_out.most_common(),
    }
    body = fit(Template(TEMPLATE).all("proposal", facts), whole="the run's log")
    message = f"{title}\n\n{NOTES} says where they are from.\n\n{mark}\n"
    proposal.write(Proposal(mark, "", str(main.commit), branch, title, body, message, files, []), out)
