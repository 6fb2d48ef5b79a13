"""Figures and findings in words: signs and intervals, the names of metrics, the outcome of a comparison in one line."""

from collections.abc import Iterator, Mapping, Sequence

from verdict.base.printable import plain
from verdict.classifier.params.metric_names import OVERALL
from verdict.review.compare import BETTER, SAME, WORSE, Difference

NAMES = {
    "weighted_f1": "weighted F1",
    "macro_f1": "macro F1",
    "accuracy": "accuracy",
    "mcc": "MCC",
    "log_loss": "log loss",
    "ece": "calibration error",
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "rating_r": "correlation with the rating",
}
_OF_CLASS = {"precision": "precision", "recall": "recall", "f1": "F1"}
# Characters of a label or slice that are shown, and the number of names that a list shows.
LONGEST, MOST = 40, 4
# Below this the digits of a p-value mean nothing.
_LEAST_P_VALUE = 1e-4
_MOST_DIGITS = 9


def title(metric: str) -> str:
    """The name of a metric for people, such as: weighted F1, recall of spam."""
    name, _, label = metric.partition(":")
    return f"{_OF_CLASS[name]} of {short_name(label)}" if label else NAMES[name]


def short_name(name: str) -> str:
    """A label or a slice, which may be any text, in one short line."""
    return plain(name, LONGEST) or repr(name)[:LONGEST]


def metric_in(metric: str, group: str) -> str:
    """A metric of a group, such as: weighted F1 overall, recall of spam in mails."""
    return f"{title(metric)} {group if group == OVERALL else f'in {short_name(group)}'}"


def figure(value: float) -> str:
    """A figure to four digits; without a sign where they are all 0."""
    return f"{round(value, 4) + 0.0:.4f}".replace("-", "−")


def signed(value: float) -> str:
    """A difference to four digits with its sign; without one where they are all 0."""
    rounded = round(value, 4)
    return f"{rounded:+.4f}".replace("-", "−") if rounded else "0.0000"


def interval(line: Difference) -> str:
    """A difference with its interval, as text that does not wrap within the interval."""
    return f"{signed(line.difference)} [{signed(line.low)},\N{NO-BREAK SPACE}{signed(line.high)}]"


def change(line: Difference) -> str:
    """The base's figure and the candidate's."""
    return f"{figure(line.base)} → {figure(line.candidate)}"


def figure_beside(value: float, limit: float, digits: int = 4) -> str:
    """A figure with as many digits as show on which side of a limit it is."""
    while value != limit and round(value, digits) == round(limit, digits) and digits < _MOST_DIGITS:
        digits += 1
    return f"{value:.{digits}f}"


def p_value_text(p_value: float) -> str:
    """A p-value, which is never 0."""
    return f"p < {_LEAST_P_VALUE:.4f}" if p_value < _LEAST_P_VALUE else f"p = {p_value:.2g}"


def counted(number: int, noun: str) -> str:
    """A number with its noun, such as: 1 row, 2 rows."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def first_few(names: Sequence[str], most: int = MOST) -> str:
    """A list of names, or the first of them and the number of the others."""
    shown = names if len(names) <= most else names[: most - 1]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def claim(verdicts: Mapping[tuple[str, str], str], groups: Sequence[str], headline: str) -> str:
    """Sum up the verdicts of all groups and metrics: the headline metric, and the others where they add something."""
    by_group = {group: verdicts[group, headline] for group in groups}
    unsaid = [word for word in (WORSE, BETTER) if by_group[OVERALL] != word]
    others = [
        f"{word} in {names}" for word in unsaid if (names := first_few(list(_others(word, verdicts, headline)), 8))
    ]
    parts = [_in_groups(word, [group for group in groups if by_group[group] == word]) for word in (WORSE, BETTER)]
    if set(by_group.values()) == {SAME}:
        parts = [f"{SAME} in {title(headline)}" if others else SAME]
    elif by_group[OVERALL] == SAME:
        parts.insert(0, f"{SAME} overall{f' in {title(headline)}' if others else ''}")
    return "; ".join(filter(None, [*parts, *others]))


def _others(word: str, verdicts: Mapping[tuple[str, str], str], headline: str) -> Iterator[str]:
    """The other metrics with this word where the headline metric has another; with slices where not overall."""
    for metric in dict.fromkeys(metric for _, metric in verdicts):
        groups = [
            group
            for (group, name), verdict in verdicts.items()
            if name == metric and verdict == word != verdicts[group, headline]
        ]
        if OVERALL in groups:
            yield title(metric)
        elif groups:
            yield f"{title(metric)} ({first_few([short_name(name) for name in groups])})"


def _in_groups(word: str, groups: list[str]) -> str:
    """A word with its groups, such as: worse overall and in books, films."""
    overall = [OVERALL] if OVERALL in groups else []
    slices = first_few([short_name(name) for name in groups if name != OVERALL], 8)
    return f"{word} {' and '.join([*overall, f'in {slices}'] if slices else overall)}" if groups else ""
