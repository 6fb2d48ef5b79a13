"""What the commands of `verdict` do, apart from reading their options."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.files import write_json
from verdict.base.printable import plain
from verdict.repo.commit_hook import require_tree_matches_index
from verdict.repo.dvc import cache_folder, dvc, share_cache
from verdict.repo.refs import CANDIDATE
from verdict.repo.revisions import Revision, Store, checked_out, resolve, working_tree
from verdict.repo.sources import copy_pretrained, obtain_data
from verdict.review.compare import Comparison, compare
from verdict.review.evidence import Evidence
from verdict.review.gate import Review, review, settings_of
from verdict.review.policy import policy_of
from verdict.review.testset import test_rows
from verdict.review.unapproved import on_unapproved
from verdict.review.words import LONGEST, counted, figure, p_value_text, short_name, signed


@dataclass(frozen=True)
class Request:
    """What is to be reviewed: `candidate` None is the working tree, `base` None a first run, with nothing to compare.

    `reproduce_base` runs main's DAG first; `approvals` are rules that a person waves through; `index` is, in a hook,
    that of the commit that is being made: the working tree must be the same.
    """

    root: Path
    base: str | None
    candidate: str | None = None
    reproduce_base: bool = False
    approvals: tuple[str, ...] = ()
    index: Path | None = None


def print_comparison(request: Request, target: Path | None) -> int:
    """`compare`: the differences as a table, and as JSON in `target`; 0 when there is a comparison."""
    with sides(request) as (_, main, change):
        if main is None:
            raise VerdictError("--base", "names nothing to compare with", "--base REV")
        policy = policy_of(main.revision)
        own, plan, rows = change.verified_predictions()[0], settings_of(main, policy), test_rows(main, change)
        comparison = compare(main, change, own, plan, rows)
        print("\n".join(table(comparison)))
        if others := on_unapproved(main, change, own, plan.bins, rows):
            print(others)
        if target:
            names = {"base": main.revision.identity, "candidate": change.revision.identity}
            write_json(target, {**names, **comparison.as_json()})
    return 0


def print_verdict(request: Request, out: Path | None = None) -> int:
    """`gate`: the rules, the verdict, and its code; the report is written into `out`, too."""
    verdict = reviewed(request, out)
    print("\n".join(outcome(verdict)))
    return verdict.code


def write_report(request: Request, out: Path) -> int:
    """`report`: the same verdict, written down; 0 once it is, whatever the verdict."""
    verdict = reviewed(request, out)
    print(f"{plain(verdict.headline, 1000)}\n{out / 'report.md'}, {out / 'report.html'}")
    return 0


def reviewed(request: Request, out: Path | None) -> Review:
    """The verdict; with its report in `out`, where that is a folder."""
    with sides(request) as (store, main, change):
        verdict = review(store, main, change, request.approvals)
        if out is not None:
            from verdict.review.report.document import write

            write(verdict, store, main, change, out)
    return verdict


@contextmanager
def sides(request: Request) -> Iterator[tuple[Store, Evidence | None, Evidence]]:
    """The store, main (None without a base) and the candidate."""
    root = request.root
    if request.index is not None and request.candidate is None:
        print(require_tree_matches_index(root, request.index))
    with Store(root, offline="a hook" if request.index is not None else "") as store:
        change = resolve(root, request.candidate, CANDIDATE) if request.candidate is not None else working_tree(root)
        if request.index is not None and change.commit is not None:
            print(f"judged: commit {change.short}, and not the commit that is being made")
        main = resolve(root, request.base) if request.base is not None else None
        if main and main.name != request.base:
            print(f"against {main.name}")
        if main and request.reproduce_base:
            main = reproduce(store, main)
        yield store, Evidence(store, main) if main else None, Evidence(store, change)


def reproduce(store: Store, revision: Revision) -> Revision:
    """Run a revision's DAG in a temporary checkout, with this repository's cache; the lock that comes out counts."""
    with checked_out(revision) as folder:
        try:
            share_cache(folder, cache_folder(store.root))
            obtain_data(folder, remote=False, lender=store.repo)
            copy_pretrained(revision.root, folder)
            dvc(folder, "repro", remedy=f"see what dvc repro says in a checkout of {revision.name}")
        except VerdictError as error:
            raise VerdictError(f"{error.where} of {revision.name}", error.what, error.remedy) from None
        return replace(revision, lock=(folder / "dvc.lock").read_text(encoding="utf-8"))


def outcome(verdict: Review) -> Iterator[str]:
    """The rules and the verdict, for a terminal; foreign text cannot begin a line of its own."""
    width = max([15, *(len(rule.name) for rule in verdict.rules)])
    indent = " " * (width + 10)
    for rule in verdict.rules:
        mark = "approved" if rule.approved else "pass" if rule.passed else "FAIL"
        yield f"{mark:<9} {rule.name:<{width}} {plain(rule.finding, 1000)}"
        if not rule.passed:
            yield f"{indent} asked: {plain(rule.requirement)}"
            yield f"{indent} remedy: {plain(rule.remedy)}"
    if verdict.reason:
        yield f"{'CANNOT':<9} {'judge':<{width}} {plain(verdict.reason.where)}: {plain(verdict.reason.what, 1000)}"
        yield f"{indent} remedy: {plain(verdict.reason.remedy)}"
    yield ""
    yield from [verdict.unapproved] if verdict.unapproved else []
    yield plain(verdict.headline, 1000)


def table(comparison: Comparison) -> Iterator[str]:
    """All differences, for a terminal."""
    lines = comparison.differences
    first = max([9, *(len(short_name(line.group)) for line in lines)])
    second = max(len(plain(line.metric, LONGEST)) for line in lines)
    head = f"{'main':>8} {'candidate':>10} {'difference':>11}  {'interval':<20} verdict"
    yield f"{'':{first}} {'metric':<{second}} {head}"
    for line in lines:
        bounds = f"[{signed(line.low)}, {signed(line.high)}]"
        yield (
            f"{short_name(line.group):<{first}} {plain(line.metric, LONGEST):<{second}} {figure(line.base):>8}"
            f" {figure(line.candidate):>10} {signed(line.difference):>11}  {bounds:<20} {line.verdict}"
        )
    yield ""
    for group in comparison.groups:
        left = f", {group.left_out} left out (main learnt from them)" if group.left_out else ""
        least = group.detectable
        seen = f"; a loss of {least:.3f} would be seen in 9 of 10 such test sets" if least is not None else ""
        rows = f"{counted(group.rows, 'row')} in {counted(group.clusters, 'group')}{left}"
        changed = f"{group.fixed} fixed, {group.broken} broken ({p_value_text(group.p_value)})"
        yield f"{short_name(group.name):<{first}} {rows}; {changed}{seen}"
    if comparison.unchanged:
        yield "every prediction is main's: unchanged"
