"""Proposes the winner of a sweep as a pull request: its params and results, and warnings about its score."""

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
from verdict.experiments.sweep.plan import Plan, Point, canonical, parse
from verdict.repo.git import git, git_bytes
from verdict.review.report.markup import Template, code, fit

# An equally good experiment is named if its cost is below this share of the winner's: times of machines differ.
_MUCH_CHEAPER = 0.5
_MOST_TITLE = 120
_TEMPLATE = Path(__file__).parent / "templates" / "winner.md.j2"


def propose(plan: Plan, board: Board, run: str, out: Path) -> Proposal:
    """Write the winner's files and the texts of its pull request.

    Args:
        plan: the sweep.
        board: the leaderboard of its experiments.
        run: the address of the run that collected them.
        out: the folder for them.

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
        target.write_bytes(git_bytes(plan.root, "cat-file", "blob", f"{commit}:{name}"))
    point = next(point for point in plan.points if point.name == winner.name)
    result = Proposal(
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
    proposal.write(result, out)
    return result


def _winner(plan: Plan, board: Board) -> Row:
    """Return the best experiment, whose predictions must confirm its score."""
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
    """Copy the leaderboard for the comment, with its pictures, and return its text."""
    out.mkdir(parents=True, exist_ok=True)
    for path in (board / LEADERBOARD, *board.glob("*.png")):
        shutil.copyfile(path, out / path.name)
    return (out / LEADERBOARD).read_text(encoding="utf-8")


def _changes(plan: Plan, commit: str) -> tuple[list[str], list[str]]:
    """Return the files that the experiment changed, and those that it removed, without its costs."""
    diff = git(plan.root, "diff", "--name-status", "--no-renames", "-z", plan.baseline, commit).split("\0")[:-1]
    changed = {name: status for status, name in zip(diff[::2], diff[1::2], strict=True) if name != COST}
    if foreign := [name for name in changed if name != PARAMS and not GENERATED.fullmatch(name)]:
        what = f"changes {', '.join(foreign[:3])}: a point changes params, and what the stages write of them"
        raise VerdictError(f"experiment {commit[:10]}", what, "give it up: dvc exp remove, here and on the git remote")
    return [name for name in changed if changed[name] != "D"], [name for name in changed if changed[name] == "D"]


def _message(plan: Plan, board: Board, winner: Row, point: Point) -> str:
    """Return the commit's message. Its last lines identify the sweep and the experiment."""
    return (
        f"Params of the best of {len(board.rows)} experiments of {plan.spec}\n\n"
        f"{' '.join(point.texts) or 'As on main'}: {board.metric} on validation {_scores(plan, winner)}.\n\n"
        f"{mark(str(plan.spec))}\nExperiment: {winner.name}\n"
    )


def _scores(plan: Plan, winner: Row) -> str:
    """Return the winner's score with its interval, and main's score."""
    interval = f" [{winner.stats.low:.4f}, {winner.stats.high:.4f}]" if winner.stats else ""
    main = outcome.score(plan.root, plan.baseline)
    return f"{winner.score:.4f}{interval}" + ("" if main is None else f"; main has {main:.4f}")


def _body(plan: Plan, board: Board, winner: Row, point: Point, run: str) -> str:
    ranked = {row.name for row in board.rows}
    ties = [row for row in board.rows if row.name != winner.name and row.stats and row.stats.ties_best]
    facts = {
        "name": winner.name,
        "score": _scores(plan, winner),
        "params": list(_changed_params(plan, point)),
        "ties": len(ties),
        "cheaper": _much_cheaper(ties, winner),
        "absent": [point.name for point in plan.points if point.name not in ranked],
        **_warnings(plan, point),
    }
    return fit(Template(_TEMPLATE).all("winner", plan, board, winner.record.cost, run, facts))


def _changed_params(plan: Plan, point: Point) -> Iterator[tuple[Markup, ...]]:
    """Yield the params that differ from main's: key, main's value, the winner's value."""
    main = flatten(_main_params(plan))
    for key, value in sorted(point.overrides.items()):
        if main.get(key) != value:
            yield code(key), code(shown_param(main.get(key))), code(shown_param(value))


def _warnings(plan: Plan, point: Point) -> dict[str, object]:
    """Return settings that suit a sweep, but that main would keep: no refit, another device."""
    main, params = flatten(_main_params(plan)), flatten(point.params)
    device = params["train.device"] if main["train.device"] != params["train.device"] else None
    return {"unfitted": bool(main["train.refit"] and not params["train.refit"]), "device": device}


def _much_cheaper(ties: list[Row], winner: Row) -> Row | None:
    """Return the cheapest experiment that ties with the winner, if it cost much less on the same device."""
    best = winner.record.cost
    costs = [(cost.seconds, row) for row in ties if best and (cost := row.record.cost) and cost.device == best.device]
    seconds, row = min(costs, key=lambda pair: pair[0], default=(0.0, None))
    return row if best and seconds < _MUCH_CHEAPER * best.seconds else None


def _main_params(plan: Plan) -> dict[str, object]:
    return canonical(parse(git(plan.root, "show", f"{plan.baseline}:{PARAMS}")))
