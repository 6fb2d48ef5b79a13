"""The winner of a sweep as a pull request: its params and what came of them, and how far its score can be believed."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from markupsafe import Markup

from verdict.base.errors import VerdictError
from verdict.base.flatten import flatten
from verdict.base.paths import GENERATED, PARAMS
from verdict.ci.sweep import proposal
from verdict.ci.sweep.proposal import FILES, LEADERBOARD, Proposal, mark
from verdict.experiments.leaderboard.board import Board, Row
from verdict.experiments.leaderboard.records import COST, shown_param
from verdict.experiments.sweep import outcome
from verdict.experiments.sweep.plan import Plan, Point
from verdict.repo.git import git, git_bytes
from verdict.review.report.markup import Template, code, fit

# How much less an equally good experiment must have cost to be named: times of machines differ.
_MUCH_CHEAPER = 0.5
_MOST_TITLE = 120
_TEMPLATE = Path(__file__).parent / "templates" / "winner.md.j2"


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
        mark(str(plan.spec)),
        winner.name,
        plan.baseline,
        f"sweep/{plan.spec.stem}",
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
    if not winner.stats:
        what = f"{winner.name} claims the best score, and its predictions are missing or damaged"
        raise VerdictError(
            str(plan.spec), what, f"dvc exp remove --git-remote origin {winner.name}, and start it again"
        )
    return winner


def copy_leaderboard(board: Path, out: Path) -> str:
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
        f"{' '.join(point.texts) or 'As on main'}: {board.metric} on validation {_score(winner)}{_beside(plan)}.\n\n"
        f"{mark(str(plan.spec))}\nExperiment: {winner.name}\n"
    )


def _score(row: Row) -> str:
    interval = f" [{row.stats.low:.4f}, {row.stats.high:.4f}]" if row.stats else ""
    return f"{row.score:.4f}{interval}"


def _beside(plan: Plan) -> str:
    score = outcome.score(plan.root, plan.baseline)
    return "" if score is None else f"; main has {score:.4f}"


def _body(plan: Plan, board: Board, winner: Row, point: Point, run: str) -> str:
    ranked = {row.name for row in board.rows}
    alike = [row for row in board.rows if row.name != winner.name and row.stats and row.stats.ties_best]
    found = {
        "name": winner.name,
        "score": _score(winner) + _beside(plan),
        "params": list(_params(plan, point)),
        "alike": len(alike),
        "cheaper": _cheaper(alike, winner),
        "absent": [one.name for one in plan.points if one.name not in ranked],
        **_notices(plan, point),
    }
    return fit(Template(_TEMPLATE).all("winner", plan, board, winner.record.cost, run, found))


def _params(plan: Plan, point: Point) -> Iterator[tuple[Markup, ...]]:
    """The params that differ from main's: key, main's value, this one's."""
    main = flatten(_document(plan))
    for key, value in sorted(point.overrides.items()):
        if main.get(key) != value:
            yield code(key), code(shown_param(main.get(key))), code(shown_param(value))


def _notices(plan: Plan, point: Point) -> dict[str, object]:
    """What a sweep may set for its own sake, and main would have for good: no refit, a device."""
    main, found = flatten(_document(plan)), flatten(point.params)
    device = found["train.device"] if main["train.device"] != found["train.device"] else None
    return {"unfitted": bool(main["train.refit"] and not found["train.refit"]), "device": device}


def _cheaper(alike: list[Row], winner: Row) -> Row | None:
    """Of those that cannot be told from the winner the cheapest, where it cost much less: maybe the better choice."""
    mine = winner.record.cost
    costs = [(cost.seconds, row) for row in alike if mine and (cost := row.record.cost) and cost.device == mine.device]
    seconds, row = min(costs, key=lambda pair: pair[0], default=(0.0, None))
    return row if mine and seconds < _MUCH_CHEAPER * mine.seconds else None


def _document(plan: Plan) -> dict[str, object]:
    from verdict.experiments.sweep.plan import canonical, parse

    return canonical(parse(git(plan.root, "show", f"{plan.baseline}:{PARAMS}")))
