"""The leaderboard's parts for a comment: the ranking, how far it can be trusted, what is not in it."""

import html
import re
import shlex
from collections.abc import Iterator, Sequence

from verdict.base.printable import plain
from verdict.experiments.leaderboard.board import (
    ABSENT,
    BROKEN,
    ELSEWHERE,
    Apart,
    Board,
    Row,
)
from verdict.experiments.leaderboard.charts import Picture, short
from verdict.experiments.leaderboard.records import TEST_SCORES, Cost, shown_param
from verdict.review.metrics_file import SCORES
from verdict.review.report.markup import (
    Block,
    Section,
    code,
    of_table,
    own,
    paragraph,
)
from verdict.review.words import signed

_MOST_COLUMNS = 8
_NAME = re.compile(r"(?!www)[a-z][a-z0-9_]{0,30}(\.[a-z][a-z0-9_]{0,30})?")
_NBSP = "\N{NO-BREAK SPACE}"


def heading(board: Board) -> Section:
    """Who leads, by how much, and how much of that is luck."""
    best = board.best
    if best is None or best.measured is None:
        return Section("", [Block("<h2>Leaderboard</h2>"), paragraph(_nothing(board))], 0)
    alike = sum(bool(row.measured and row.measured.like_best) for row in board.rows) - 1
    others = sum(row.measured is not None for row in board.rows) - 1
    lead = f"<h2>Leaderboard: {code(best.name, 80)} has the best score of {others + 1}</h2>"
    figures = (
        f"<b>Weighted F1 {best.score:.4f} [{best.measured.low:.4f},{_NBSP}{best.measured.high:.4f}]</b>"
        f" ({_percent(board)} interval) on {board.sentences:,} validation sentences in {board.documents:,} documents."
    )
    if others:
        told = (
            f"{alike} of the {others} others cannot be told apart from it"
            if alike
            else "All others are measurably below it"
        )
        figures += f" {told}."
    blocks = [Block(lead), paragraph(figures), *_flattery(board, best), *_unmeasured(board, best)]
    return Section("", blocks, 0)


def _nothing(board: Board) -> str:
    if board.rows:
        return f"No experiment's predictions are here, so nothing is known of how sure the ranking is. {_GET}"
    return "No experiment has a score on these validation sentences."


_GET = "<code>dvc exp pull</code> or <code>verdict sweep pull</code> gets them."


def _flattery(board: Board, best: Row) -> Iterator[Block]:
    if board.optimism is None:
        return
    low, high = (_points(value) for value in (board.optimism.estimate, board.optimism.most))
    amount = f"by about {low} points" + (f", by {high} if all were equally good" if high != low else "")
    expected = best.score - board.optimism.estimate
    measured = sum(row.measured is not None for row in board.rows)
    yield paragraph(
        f"⚠️ <b>The best of {measured} flatters itself</b>: the same sentences picked it and scored it. Its score"
        f" is expected to be too high {amount}; {expected:.4f} is the fairer figure. What it is worth, only sentences"
        " tell that took no part in the choice: the test split, for the one that is chosen."
    )


def _unmeasured(board: Board, best: Row) -> Iterator[Block]:
    above = [row for row in board.rows if row.measured is None and row.rank < best.rank]
    if above:
        names = ", ".join(code(row.name, 80) for row in above[:5])
        yield paragraph(f"⚠️ Above it by the score they claim, with predictions that are not here: {names}. {_GET}")


def ranking(board: Board) -> Section:
    """The table, and below it what its figures are."""
    keys, names = board.keys[:_MOST_COLUMNS], short(board.keys)
    seeds = any(row.record.seeds.count > 1 for row in board.rows)
    head = ["#", "experiment", "weighted F1", "to the best", *(_head(names[key]) for key in keys)]
    head += ["seeds", "training"] if seeds else ["training"]
    rows = [
        [
            str(row.rank),
            _name(board, row),
            *_scores(board, row),
            *(_value(row, key) for key in keys),
            *([_seeds(row)] if seeds else []),
            _cost(row.record.cost),
        ]
        for row in board.rows
    ]
    blocks = [of_table(head, rows, (0, *range(2, len(head)))), paragraph(f"<sub>{_explained(board)}</sub>")]
    if len(board.keys) > len(keys):
        more = ", ".join(code(key, 80) for key in board.keys[len(keys) : len(keys) + 20])
        blocks.append(paragraph(f"<sub>Other params that differ: {more}. leaderboard.csv has all.</sub>"))
    return Section("Ranking on validation", blocks, 1)


def domains(board: Board) -> Section:
    """Weighted F1 by domain, in the order of the ranking."""
    names = board.domains[:_MOST_COLUMNS]
    rows = [
        [str(row.rank), _name(board, row), *(_figure(row.record.scores.domains.get(name)) for name in names)]
        for row in board.rows
    ]
    note = "<sub>Weighted F1 on validation, without interval: a domain has few documents, and settles no choice.</sub>"
    table = of_table(["#", "experiment", *map(own, names)], rows, (0, *range(2, 2 + len(names))))
    return Section("By domain", [table, paragraph(note)], 5, True)


def _head(name: str) -> str:
    """A key's name, which may break, for the table is wide enough; one that is no name of ours stands in `code`."""
    return name.replace("_", "_&#8203;") if _NAME.fullmatch(name) else code(name, 40)


def _name(board: Board, row: Row) -> str:
    text = code(row.name, 80)
    if row is board.best:
        text = f"<b>{text}</b>"
    found = row.record.experiment
    if board.baselines > 1:
        text += f"<br><sub>{found.commit[:7]} on {found.baseline[:7]}</sub>"
    return text


def _value(row: Row, key: str) -> str:
    value = row.values[key]
    if value is None:
        return "–"
    return shown_param(value)[:40] if isinstance(value, int | float) else code(shown_param(value), 40)


def _scores(board: Board, row: Row) -> tuple[str, str]:
    """The score and the difference, each with its interval below."""
    if row.measured is None:
        return f"{row.score:.4f}<br><sub>predictions not here</sub>", ""
    found = row.measured
    score = f"<b>{row.score:.4f}</b><br><sub>[{found.low:.4f},{_NBSP}{found.high:.4f}]</sub>"
    if row is board.best:
        return score, "<b>best</b>"
    bounds = f"<sub>[{signed(found.difference_low)},{_NBSP}{signed(found.difference_high)}]</sub>"
    word = f"<b>~{_NBSP}best</b>" if found.like_best else "▼ below"
    return score, f"{signed(found.difference)} {word}<br>{bounds}"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _seeds(row: Row) -> str:
    found = row.record.seeds
    return f"{found.mean:.4f} ± {found.std:.4f}<br><sub>{found.count} seeds</sub>" if found.count > 1 else "1"


def _cost(cost: Cost | None) -> str:
    if cost is None:
        return "–"
    speed = f"{cost.sentences_per_second:,.0f} sentences/s"
    return f"{duration(cost.seconds)}<br><sub>{code(cost.device, 40)} {speed}</sub>"


def duration(seconds: float) -> str:
    """Such as 12.3 s, 4 min 10 s, 1 h 05 min."""
    if seconds < 60:
        return f"{seconds:.1f}{_NBSP}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}{_NBSP}min {rest:02d}{_NBSP}s"
    return f"{minutes // 60:,}{_NBSP}h {minutes % 60:02d}{_NBSP}min"


def _explained(board: Board) -> str:
    return (
        f"Intervals: bootstrap by documents, stratified by domain, {board.policy.resamples:,} resamples,"
        f" {_percent(board)}. <b>~ best</b>: the interval of the difference to the best holds 0. Those intervals are"
        f" wider than for two experiments alone: they hold together, with {_percent(board)}, for all pairs"
        " (bootstrap max-t), since the best was picked by the same scores. <b>seeds</b>: mean ± standard deviation."
        " <b>training</b>: – where it came from DVC's run-cache. All scores are of the validation split."
        f"<br>{SCORES}, data/validation/predictions.parquet"
    )


def chosen(board: Board) -> Iterator[Section]:
    """The scores on test of the one that a person chose, and of no other."""
    if board.chosen is None:
        return
    name, scores = board.chosen.experiment.name, board.chosen.scores
    head = ("", "overall", *map(own, scores.domains))
    cells = ("weighted F1 on test", f"<b>{scores.overall:.4f}</b>", *(_figure(one) for one in scores.domains.values()))
    note = (
        f"<sub>{scores.n:,} test sentences, {TEST_SCORES} of {code(board.chosen.experiment.commit[:10])}. They took no"
        " part in the choice. Whoever looks at the test scores of several and takes the best has used them up.</sub>"
    )
    table = of_table(head, [cells], range(1, len(head)))
    yield Section(f"Chosen: {code(name, 80)}", [table, paragraph(note)], 0)


def plots(pictures: Sequence[Picture], kind: str) -> Section:
    """The pictures, as files of a kind beside the report."""
    blocks = [
        Block(f'<p><img src="{one.stem}.{kind}" alt="{html.escape(plain(one.alt, 600))}" width="760"></p>')
        for one in pictures
    ]
    none = "Nothing to draw: fewer than two experiments with params that differ, or with a time of their own."
    return Section("Plots", blocks or [paragraph(none)], 3)


def apart(board: Board) -> Iterator[Section]:
    """What is not ranked, and why."""
    titles = {
        ELSEWHERE: (
            "Not comparable: other validation sentences",
            "Their scores are of other sentences, and no better or worse.",
        ),
        BROKEN: ("Without a result", "They failed, were stopped, or have files that are not what they should be."),
        ABSENT: ("Not here", _GET),
    }
    for kind, (title, note) in titles.items():
        found = [one for one in board.apart if one.kind == kind]
        if not found:
            continue
        scored = kind == ELSEWHERE
        head = ("experiment", *(["weighted F1"] if scored else []), "why")
        rows = [(_apart_name(one), *([_figure(one.score)] if scored else []), code(one.reason)) for one in found]
        block = of_table(head, rows, (1,) if scored else ())
        yield Section(title, [paragraph(note), block], 4, True, f": {len(found)}")
    notes = [f"<li>{code(row.name, 80)}: {code(note)}</li>" for row in board.rows for note in row.record.notes]
    if notes:
        yield Section("Odd, and left out", [Block("<ul>", notes, "</ul>")], 4, True, f": {len(notes)}")


def _apart_name(one: Apart) -> str:
    commit = f"<br><sub>{one.experiment.commit[:10]}</sub>" if one.experiment.commit else ""
    return code(one.experiment.name, 80) + commit


def next_steps(board: Board) -> Iterator[Section]:
    """The commands to take one over."""
    one = board.chosen.experiment if board.chosen else board.best.record.experiment if board.best else None
    if one is None:
        return
    name = html.escape(plain(shlex.quote(one.name)))
    lines = [
        f"verdict leaderboard --chosen {name}   # its score on test",
        f"dvc exp apply {name}                           # into this working tree",
        f"dvc exp branch {name} BRANCH                   # or as a branch, for a pull request",
    ]
    yield Section("How to take it", [Block("<pre>" + "\n".join(lines) + "</pre>")], 2, True)


def _percent(board: Board) -> str:
    return f"{board.policy.confidence * 100:g} %"


def _points(value: float) -> str:
    return f"{value * 100:.1f}" if value >= 0.0005 else f"{value * 100:.2f}"
