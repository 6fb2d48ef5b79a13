"""`verdict leaderboard`: select experiments, rank them, and write the files."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.paths import DATASET, PARAMS, VALIDATION_SPLIT
from verdict.classifier.params import load
from verdict.classifier.scores.predictions import require_headline
from verdict.experiments.leaderboard.board import Board, Selection, build_board
from verdict.experiments.leaderboard.comparable import ABSENT, BROKEN, Unranked, Yardstick
from verdict.experiments.leaderboard.experiments import Experiment, failed_in_queue, find_experiments
from verdict.experiments.leaderboard.predictions import Cache
from verdict.experiments.sweep.plan import plan
from verdict.repo.revisions import Revision, Store, resolve, working_tree
from verdict.review.policy import policy_of

# `verdict sweep run` writes there why a point failed.
_SWEEP_FAILURES = Path(".dvc/tmp/sweeps/failed")


@dataclass(frozen=True)
class Query:
    """Which experiments to rank: those of `names` and of the points of `spec`, or all of HEAD (or of all commits)."""

    names: Sequence[str] = ()
    spec: Path | None = None
    all_commits: bool = False
    chosen: str | None = None


def run(root: Path, out: Path, query: Query) -> int:
    """Write the leaderboard; 0 once it is written."""
    from verdict.experiments.leaderboard.document import write
    from verdict.experiments.leaderboard.terminal import printed

    board = board_of(root, query)
    write(board, out)
    width = shutil.get_terminal_size(fallback=(120, 24)).columns  # of a log, where there is no terminal
    print("\n".join(printed(board, width)))
    print(", ".join(str(out / f"leaderboard.{kind}") for kind in ("md", "html", "csv")))
    return 0


def board_of(root: Path, query: Query) -> Board:
    """The leaderboard as data."""
    names = [*query.names, *(_points(root, query.spec) if query.spec else [])]
    with Store(root) as store:
        head = resolve(root, "HEAD")
        selection = _selection(root, str(head.commit), names, query)
        return build_board(root, Cache(store), selection, _yardstick(root, Cache(store), head))


def _yardstick(root: Path, cache: Cache, head: Revision) -> Yardstick:
    """The policy and the headline metric of the working tree, on the data of HEAD."""
    headline = load(root / PARAMS).evaluate.headline
    validation, described = _hash(head, VALIDATION_SPLIT), _hash(head, DATASET)
    dataset = cache.dataset(DATASET, described) if described else None
    if dataset:
        require_headline(headline, dataset.labels, dataset.rating is not None)
    return Yardstick(headline, policy_of(working_tree(root)), validation, dataset)


def _hash(head: Revision, path: str) -> str | None:
    """The hash of an output; None if nothing was reproduced on HEAD."""
    try:
        return head.hash_of(path)
    except VerdictError:
        return None


def _points(root: Path, spec: Path) -> list[str]:
    """The names of a spec file's points on HEAD."""
    return [point.name for point in plan(root, spec).points]


def _selection(root: Path, head: str, names: Sequence[str], query: Query) -> Selection:
    """Select the experiments of HEAD or of all commits, those of `names` if there are any; missing ones are absent."""
    everywhere = query.all_commits
    known = [experiment for experiment in find_experiments(root) if everywhere or experiment.baseline == head]
    shown = [experiment for experiment in known if not names or experiment.name in names]
    failures = [experiment for experiment in failed_in_queue(root) if everywhere or experiment.baseline == head]
    absent = list(_absent(root, head, names, {experiment.name for experiment in shown}, failures))
    if not shown and not absent:
        where, what = f"refs/exps of {head[:7]}", "no experiment that builds on it here"
        remedy = "verdict sweep run SPEC, or sweep pull; --all shows those of other commits"
        raise VerdictError(where, what, remedy)
    return Selection(shown, absent, _chosen(shown, query.chosen) if query.chosen else None)


def _absent(
    root: Path, head: str, names: Sequence[str], present: set[str], failures: Iterable[Experiment]
) -> Iterator[Unranked]:
    listed = set(present)
    for experiment in failures:
        if experiment.name not in listed and (not names or experiment.name in names):
            listed.add(experiment.name)
            yield Unranked(experiment, BROKEN, f"failed in DVC's queue: dvc queue logs {experiment.name}")
    for name in names:
        if name not in listed:
            listed.add(name)
            yield _missing(root, Experiment(name, "", head))


def _missing(root: Path, experiment: Experiment) -> Unranked:
    note = root / _SWEEP_FAILURES / experiment.name
    if note.resolve().parent == (root / _SWEEP_FAILURES).resolve() and note.is_file():
        return Unranked(experiment, BROKEN, f"failed: {note.read_text(encoding='utf-8', errors='replace')}")
    return Unranked(experiment, ABSENT, "no experiment of this name here: not run, or not pulled")


def _chosen(shown: Sequence[Experiment], name: str) -> Experiment:
    matching = [one for one in shown if one.name == name or (len(name) >= 7 and one.commit.startswith(name))]
    if len(matching) == 1:
        return matching[0]
    if matching:
        commits = ", ".join(experiment.commit[:10] for experiment in matching)
        raise VerdictError(f"--chosen {name}", f"{len(matching)} experiments have it: {commits}", "--chosen COMMIT")
    raise VerdictError(f"--chosen {name}", "none of the experiments shown", "--chosen NAME, one of the leaderboard's")
