"""The winner of a sweep as a pull request: its params and what came of them, and how far its score can be believed."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.flatten import flatten
from verdict.base.paths import GENERATED
from verdict.ci.sweep import proposal
from verdict.ci.sweep.proposal import (
    FILES,
    LEADERBOARD,
    Proposal,
    mark,
)
from verdict.experiments.leaderboard.board import Board, Row
from verdict.experiments.leaderboard.records import COST, shown_param
from verdict.experiments.sweep import outcome
from verdict.experiments.sweep.plan import Plan, Point
from verdict.repo.git import git, git_bytes
from verdict.repo.revisions import PARAMS
from verdict.review.report.markup import (
    Block,
    Section,
    code,
    fit,
    of_table,
    own,
    paragraph,
)

# How much less an equally good experiment must have cost to be named: times of machines differ.
_MUCH_CHEAPER = 0.5
_MOST_TITLE = 120


def propose(plan: Plan, board: Board, run: str, out: Path) -> Proposal:
    """Lay the winner's files and the texts of its pull request aside.

    Args:
        plan: the sweep.
        board: the leaderboard of its experiments.
        run: the address of the run that collected them.
        out: the folder to fill.

    Raises:
        VerdictError: no point has a result, or the winner changes what no experiment may change.
    """
    winner = _winner(plan, board)
    commit = winner.record.experiment.commit
    plan.require_same(winner.name, commit)
    files, gone = _changes(plan, commit)
    for name in files:
        target = out / FILES / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_bytes(plan.root, commit, name))
    point = next(point for point in plan.points if point.name == winner.name)
    made = Proposal(
        str(plan.spec),
        winner.name,
        plan.baseline,
        f"verdict/experiments/sweep/{plan.spec.stem}",
        f"Sweep {plan.spec.stem}: {' '.join(point.texts)}"[:_MOST_TITLE],
        _body(plan, board, winner, point, run),
        _message(plan, board, winner, point),
        files,
        gone,
    )
    proposal.write(made, out)
    return made


def _winner(plan: Plan, board: Board) -> Row:
    """The best, where that is known: a score that no predictions show is a claim."""
    if not board.rows:
        raise VerdictError(str(plan.spec), "no point has a result", "look at the logs of the points, above")
    winner = board.rows[0]
    if not winner.measured:
        what = f"{winner.name} claims the best score, and its predictions are missing or damaged"
        raise VerdictError(
            str(plan.spec), what, f"dvc exp remove --git-remote origin {winner.name}, and start it again"
        )
    return winner


def take_leaderboard(board: Path, out: Path) -> str:
    """Lay the leaderboard for the comment aside, with its pictures; its text."""
    out.mkdir(parents=True, exist_ok=True)
    for path in (board / LEADERBOARD, *board.glob("*.png")):
        shutil.copyfile(path, out / path.name)
    return (out / LEADERBOARD).read_text(encoding="utf-8")


def _changes(plan: Plan, commit: str) -> tuple[list[str], list[str]]:
    """The files that the experiment changed, and those that it removed. What it cost is not main's to keep."""
    told_by_git = git(plan.root, "diff", "--name-status", "--no-renames", "-z", plan.baseline, commit).split("\0")[:-1]
    changed = {name: status for status, name in zip(told_by_git[::2], told_by_git[1::2], strict=True) if name != COST}
    if foreign := [name for name in changed if name != PARAMS and not GENERATED.fullmatch(name)]:
        what = f"changes {', '.join(foreign[:3])}: a point changes params, and what the stages write of them"
        raise VerdictError(f"experiment {commit[:10]}", what, "give it up: dvc exp remove, here and on the git remote")
    return [name for name in changed if changed[name] != "D"], [name for name in changed if changed[name] == "D"]


def _bytes(root: Path, commit: str, name: str) -> bytes:
    return git_bytes(root, "cat-file", "blob", f"{commit}:{name}")


def _message(plan: Plan, board: Board, winner: Row, point: Point) -> str:
    """Why these params, and which sweep found them; by its last lines the sweep knows its own commit again."""
    return (
        f"Params of the best of {len(board.rows)} experiments of {plan.spec}\n\n"
        f"{' '.join(point.texts) or 'As on main'}: weighted F1 on validation {_score(winner)}{_beside(plan)}.\n\n"
        f"{mark(str(plan.spec))}\nExperiment: {winner.name}\n"
    )


def _score(row: Row) -> str:
    interval = f" [{row.measured.low:.4f}, {row.measured.high:.4f}]" if row.measured else ""
    return f"{row.score:.4f}{interval}"


def _beside(plan: Plan) -> str:
    score = outcome.score(plan.root, plan.baseline)
    return "" if score is None else f"; main has {score:.4f}"


def _body(plan: Plan, board: Board, winner: Row, point: Point, run: str) -> str:
    blocks = [
        paragraph(
            f"{code(winner.name)} has the best score <b>on validation</b> of the {len(board.rows)} experiments of"
            f" {code(plan.spec)} on {code(plan.baseline[:10])}: weighted F1 {own(_score(winner) + _beside(plan))}."
        ),
        _params(plan, point),
        *(paragraph(f"⚠️ {text}") for text in _notices(plan, point)),
        paragraph(f"⚠️ {own(_warning(board))}"),
        *map(paragraph, _equals(board, winner)),
        *_failed(plan, board, run),
        paragraph(f'<sub>The leaderboard is a comment below. Made by <a href="{_link(run)}">this run</a>.</sub>'),
    ]
    return fit([Section("", blocks, 0)])


def _params(plan: Plan, point: Point) -> Block:
    main = flatten(_document(plan))
    rows = [
        (code(key), code(shown_param(main.get(key))), code(shown_param(value)))
        for key, value in sorted(point.overrides.items())
        if main.get(key) != value
    ]
    return of_table(("param", "main", "this"), rows) if rows else paragraph("Its params are those of main.")


def _notices(plan: Plan, point: Point) -> Iterator[str]:
    """What a sweep may set for its own sake, and main would have for good."""
    main, found = flatten(_document(plan)), flatten(point.params)
    if main["train.refit"] and not found["train.refit"]:
        set_back = "set it back to true, run <code>make repro</code> and push before this is merged"
        yield f"<code>train.refit: false</code>: the model was not trained on validation; {set_back}."
    if main["train.device"] != found["train.device"]:
        yield (
            f"{code('train.device: ' + str(found['train.device']))}: with this on main, <code>make repro</code> needs"
            " that device everywhere."
        )


def _document(plan: Plan) -> dict[str, object]:
    from verdict.experiments.sweep.plan import canonical, parse

    return canonical(parse(git(plan.root, "show", f"{plan.baseline}:{PARAMS}")))


def _warning(board: Board) -> str:
    """Why nobody should expect this score."""
    flattery = board.optimism
    estimate = f" By about {flattery.estimate:.4f}, and at most {flattery.most:.4f}." if flattery else ""
    return (
        f"The best of {len(board.rows)} looks better than it is, since it was picked by this very score.{estimate}"
        " What counts is the judge's comment: against main, on test, which no choice here has looked at."
    )


def _equals(board: Board, winner: Row) -> Iterator[str]:
    """Those that cannot be told from the winner; one of them that cost much less may be the better choice."""
    alike = [row for row in board.rows if row.name != winner.name and row.measured and row.measured.like_best]
    if not alike:
        return
    yield f"{len(alike)} other{'s are' if len(alike) > 1 else ' is'} indistinguishable from it."
    mine = winner.record.cost
    cheaper = [
        (cost.seconds, row)
        for row in alike
        if mine and (cost := row.record.cost) and cost.device == mine.device
        if cost.seconds < _MUCH_CHEAPER * mine.seconds
    ]
    if mine and cheaper:
        seconds, row = min(cheaper, key=lambda pair: pair[0])
        yield f"The cheapest of them, {code(row.name)}, trained in {seconds:.1f} s instead of {mine.seconds:.1f} s."


def _failed(plan: Plan, board: Board, run: str) -> Iterator[Block]:
    ranked = {row.name for row in board.rows}
    if absent := [point.name for point in plan.points if point.name not in ranked]:
        yield paragraph(
            f'Without a result, see <a href="{_link(run)}">the run</a>:'
            f" {', '.join(code(name) for name in absent[:50])}{' …' if len(absent) > 50 else ''}"
        )


def _link(url: str) -> str:
    return url if re.fullmatch(r"https?://[^\s\"'<>]+", url) else "#"
