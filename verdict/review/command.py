"""The commands `compare`, `gate` and `report`, after their options are read."""

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
    """The two sides of a review: `candidate` None is the working tree, `base` None a first run, without comparison.

    `reproduce_base` runs the base's DAG first; `approvals` are rules that a person waives; `index` is, in a hook, the
    index of the commit that is being made: the working tree must be the same.
    """

    root: Path
    base: str | None
    candidate: str | None = None
    reproduce_base: bool = False
    approvals: tuple[str, ...] = ()
    index: Path | None = None


def print_comparison(request: Request, target: Path | None) -> int:
    """`compare`: print the differences as a table, and write them as JSON into `target`; 0 once they are computed."""
    with sides(request) as (_, base, candidate):
        if base is None:
            raise VerdictError("--base", "names nothing to compare with", "--base REV")
        policy = policy_of(base.revision)
        candidate.verify()
        settings, rows = settings_of(base, policy), test_rows(base, candidate)
        comparison = compare(base, candidate, settings, rows)
        print("\n".join(table(comparison)))
        if unapproved := on_unapproved(base, candidate, settings.bins, rows):
            print(unapproved)
        if target:
            names = {"base": base.revision.identity, "candidate": candidate.revision.identity}
            write_json(target, {**names, **comparison.as_json()})
    return 0


def print_verdict(request: Request, out: Path | None = None) -> int:
    """`gate`: print the rules and the verdict, and return its code; with `out`, write the report there, too."""
    verdict = _review(request, out)
    print("\n".join(outcome(verdict)))
    return verdict.code


def write_report(request: Request, out: Path) -> int:
    """`report`: write the report into `out`; 0 once it is written, whatever the verdict."""
    verdict = _review(request, out)
    print(f"{plain(verdict.headline, 1000)}\n{out / 'report.md'}, {out / 'report.html'}")
    return 0


def _review(request: Request, out: Path | None) -> Review:
    """Judge a change; with `out`, write the report there."""
    with sides(request) as (store, base, candidate):
        verdict = review(store, base, candidate, request.approvals)
        if out is not None:
            from verdict.review.report.document import write

            write(verdict, store, base, candidate, out)
    return verdict


@contextmanager
def sides(request: Request) -> Iterator[tuple[Store, Evidence | None, Evidence]]:
    """Open the store; yield it with the base (None without one) and the candidate."""
    root = request.root
    if request.index is not None and request.candidate is None:
        print(require_tree_matches_index(root, request.index))
    with Store(root, offline="a hook" if request.index is not None else "") as store:
        named = request.candidate
        candidate = resolve(root, named, CANDIDATE) if named is not None else working_tree(root)
        if request.index is not None and candidate.commit is not None:
            print(f"judged: commit {candidate.short}, and not the commit that is being made")
        base = resolve(root, request.base) if request.base is not None else None
        if base and base.name != request.base:
            print(f"against {base.name}")
        if base and request.reproduce_base:
            base = reproduce(store, base)
        yield store, Evidence(store, base) if base else None, Evidence(store, candidate)


def reproduce(store: Store, revision: Revision) -> Revision:
    """Run a revision's DAG in a temporary checkout, with this repository's cache; return it with the resulting lock."""
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
    """The lines of the rules and the verdict for a terminal; foreign text cannot begin a line."""
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
    if verdict.unapproved:
        yield verdict.unapproved
    yield plain(verdict.headline, 1000)


def table(comparison: Comparison) -> Iterator[str]:
    """The lines of all differences, for a terminal."""
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
        left_out = f", {group.left_out} left out (main learnt from them)" if group.left_out else ""
        loss = group.detectable
        detectable = f"; a loss of {loss:.3f} would be seen in 9 of 10 such test sets" if loss is not None else ""
        rows = f"{counted(group.rows, 'row')} in {counted(group.clusters, 'group')}{left_out}"
        changed = f"{group.fixed} fixed, {group.broken} broken ({p_value_text(group.p_value)})"
        yield f"{short_name(group.name):<{first}} {rows}; {changed}{detectable}"
    if comparison.unchanged:
        yield "every prediction is main's: unchanged"
