"""The judge: main's code, which reads a run's bundle as data, and returns pass, fail or cannot judge.

It does not trust the run: the merge, the scores of the artifact and the labels are all computed here. This module needs
only DVC's own libraries, so a change that affects no result gets its verdict within seconds. `full_review` does the
rest.
"""

import os
import traceback
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from verdict.base.errors import VerdictError
from verdict.base.files import write_text
from verdict.base.outcome import CANNOT_JUDGE, PASS
from verdict.base.printable import plain
from verdict.ci.github.client import GitHub
from verdict.ci.github.pull_request import (
    MERGE_GROUP,
    PULL_REQUEST,
    IsUpdate,
    Pull,
    Run,
    find_pull,
    is_superseded,
    queued_pull,
)
from verdict.ci.judge import merge, queue, short_reports
from verdict.ci.judge.case import Case, verdict_on
from verdict.ci.publish import verdict
from verdict.ci.publish.verdict import Verdict
from verdict.repo.changed_files import affecting_results
from verdict.repo.revisions import Revision, resolve


def judge(root: Path, github: GitHub, event: dict[str, Any], out: Path, first: bool) -> Verdict | None:
    """Judge a finished run, and write report, pictures and verdict into `out`.

    Args:
        root: a checkout of main with its history.
        github: the API, with a token that may read.
        event: the payload of `workflow_run`.
        out: the folder for the publishing jobs.
        first: triage only, without the libraries of the DAG.

    Returns:
        The verdict; None after a triage that calls for the full review.
    """
    run = Run.from_event(event)
    out.mkdir(parents=True, exist_ok=True)
    result = _judge(root, github, run, out, first)
    if result:
        verdict.write(result, out)
    return result


def _judge(root: Path, github: GitHub, run: Run, out: Path, first: bool) -> Verdict | None:
    if run.event not in (PULL_REQUEST, MERGE_GROUP):
        return _skip(run, f"a run for {run.event} is not judged")
    if run.conclusion == "cancelled" and is_superseded(github, run):
        return _skip(run, "it was cancelled, and a newer run of this commit follows")
    main = replace(resolve(root, "HEAD"), name="main")
    pull = find_pull(github, run, partial(_is_update, main)) if run.event == PULL_REQUEST else None
    if pull is None and run.event == PULL_REQUEST:
        return _skip(run, "no open pull request has this commit as its head")
    try:
        if run.event == MERGE_GROUP and queue.Group.of(run.branch).target != github.get("")["default_branch"]:
            return _skip(run, "it is in the merge queue of another branch than the default one")
        case = _open_case(run, pull, main, github=github, out=out)
        return _judge_case(case, first) if case else _skip(run, "another commit was pushed meanwhile")
    except VerdictError as error:
        reason = error
    except MemoryError:
        traceback.print_exc()
        what = "what is judged asks for more memory than this machine has"
        reason = VerdictError("the judge", what, "make the change smaller, or see the judge's log for what was read")
    except Exception as error:  # a change that breaks the judge must get a comment, too
        traceback.print_exc()
        what = f"{type(error).__name__}: {str(error)[:300]}"
        reason = VerdictError("the judge", what, "a defect of the judge, or a file that nobody expects: see its log")
    write_text(out / verdict.REPORT, short_reports.cannot(reason, run.url, main, run.head))
    return verdict_on(run, pull, CANNOT_JUDGE, plain(f"Cannot judge: {reason.where}: {reason.what}", 1000))


def _open_case(run: Run, pull: Pull | None, main: Revision, *, github: GitHub, out: Path) -> Case | None:
    """Compute the merge and return the case; None if the ref no longer points at the run's commit."""
    root = main.root
    if _fetch(root, f"refs/pull/{pull.number}/head" if pull else f"refs/heads/{run.branch}") != run.head:
        return None
    if pull:
        base, name, approvals = queue.Base(main), f"the merge of #{pull.number}", pull.approvals
        merged = merge.merge(root, str(main.commit), run.head)
    else:
        group, name = queue.Group.of(run.branch), "the merge group"
        base = queue.base_of(github, main, group, partial(_fetch, root))
        merged = merge.merge(root, str(base.revision.commit), run.head)
        approvals = _approvals(github, group, merged, partial(_is_update, main))
    committed = Revision(root, name, merge.as_committed(merged), alias=run.head)
    return Case(root, github, run, pull, approvals, out, base.revision, merged, committed, base.ahead)


def _fetch(root: Path, ref: str) -> str:
    return merge.fetch(root, ref, os.environ.get("GITHUB_TOKEN"))


def _is_update(main: Revision, number: int, commit: str) -> bool:
    _fetch(main.root, f"refs/pull/{number}/head")
    return merge.is_update(main.root, str(main.commit), commit)


def _approvals(github: GitHub, group: queue.Group, merged: merge.Merge, is_update: IsUpdate) -> tuple[str, ...]:
    """Return the approvals of a merge group's pull request; none if the group adds anything else to its base."""
    head, pull = queued_pull(github, group.number, is_update)
    _fetch(merged.root, f"refs/pull/{group.number}/head")
    alone = merge.merge(merged.root, merged.base, head)
    return pull.approvals if alone.tree == merged.tree else ()


def _judge_case(case: Case, first: bool) -> Verdict | None:
    if not affecting_results(case.main, replace(case.committed, commit=case.merged.commit())):
        case.write_report(short_reports.unchanged(case.main, case.run.head))
        return case.verdict(PASS, f"Pass: unchanged, nothing that the pipeline reads differs from {case.main.name}")
    if first:
        return None
    from verdict.ci.judge.full_review import full_review

    return full_review(case)


def _skip(run: Run, reason: str) -> Verdict:
    return Verdict(CANNOT_JUDGE, "", run.head, skip=reason)
