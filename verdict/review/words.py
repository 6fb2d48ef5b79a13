"""Figures and findings in words: signs and intervals, the names of metrics, what a comparison found in one line."""

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
# Characters of a name from the data, a label or a slice, and how many of them stand in a row of them.
LONGEST, MOST = 40, 4
# Below this a p-value has no digits that mean anything.
_LEAST_ODDS = 1e-4
_MOST_DIGITS = 9


def title(metric: str) -> str:
    """The name of a metric for people; of one class such as: recall of spam."""
    name, _, label = metric.partition(":")
    return f"{_OF_CLASS[name]} of {short_name(label)}" if label else NAMES[name]


def short_name(name: str) -> str:
    """A label or a slice, which may be any text: in one line, and not too long."""
    return plain(name, LONGEST) or repr(name)[:LONGEST]


def metric_in(metric: str, group: str) -> str:
    """A metric of a group, for a sentence about it: weighted F1 overall, recall of spam in mails."""
    return f"{title(metric)} {group if group == OVERALL else f'in {short_name(group)}'}"


def figure(value: float) -> str:
    """A figure to four digits; what they show as 0 has no sign."""
    return f"{round(value, 4) + 0.0:.4f}".replace("-", "−")


def signed(value: float) -> str:
    """A difference to four digits, with its sign, unless they show it as 0."""
    rounded = round(value, 4)
    return f"{rounded:+.4f}".replace("-", "−") if rounded else "0.0000"


def interval(line: Difference) -> str:
    """A difference with its interval, as text that does not break."""
    return f"{signed(line.difference)} [{signed(line.low)},\N{NO-BREAK SPACE}{signed(line.high)}]"


def change(line: Difference) -> str:
    """Main's figure and the candidate's."""
    return f"{figure(line.base)} → {figure(line.candidate)}"


def figure_beside(value: float, limit: float, digits: int = 4) -> str:
    """A figure with as many digits as it takes to see on which side of a limit it is."""
    while value != limit and round(value, digits) == round(limit, digits) and digits < _MOST_DIGITS:
        digits += 1
    return f"{value:.{digits}f}"


def p_value_text(p_value: float) -> str:
    """A p-value, which is never 0."""
    return f"p < {_LEAST_ODDS:.4f}" if p_value < _LEAST_ODDS else f"p = {p_value:.2g}"


def counted(number: int, noun: str) -> str:
    """Such as: 1 row, 2 rows."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def first_few(names: Sequence[str], most: int = MOST) -> str:
    """Names in a row, or the first of them and how many more there are."""
    shown = names if len(names) <= most else names[: most - 1]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def claim(found: Mapping[tuple[str, str], str], groups: Sequence[str], headline: str) -> str:
    """What became of a model: of the headline metric all there is, of the others what it does not say already.

    Args:
        found: for each group and metric its word.
        groups: `overall`, and the slices.
        headline: the metric that decides.
    """
    own = {group: found[group, headline] for group in groups}
    unsaid = [word for word in (WORSE, BETTER) if own[OVERALL] != word]
    others = [f"{word} in {names}" for word in unsaid if (names := first_few(list(_others(word, found, headline)), 8))]
    parts = [_in_places(word, [group for group in groups if own[group] == word]) for word in (WORSE, BETTER)]
    if set(own.values()) == {SAME}:
        parts = [f"{SAME} in {title(headline)}" if others else SAME]
    elif own[OVERALL] == SAME:
        parts.insert(0, f"{SAME} overall{f' in {title(headline)}' if others else ''}")
    return "; ".join(filter(None, [*parts, *others]))


def _others(word: str, found: Mapping[tuple[str, str], str], headline: str) -> Iterator[str]:
    """The other metrics that got a word where the headline metric did not; slices where it does not hold overall."""
    for metric in dict.fromkeys(metric for _, metric in found):
        places = [
            group for group, name in found if name == metric and found[group, metric] == word != found[group, headline]
        ]
        if OVERALL in places:
            yield title(metric)
        elif places:
            yield f"{title(metric)} ({first_few([short_name(place) for place in places])})"


def _in_places(word: str, places: list[str]) -> str:
    """Such as: worse overall and in books, films."""
    overall = [OVERALL] if OVERALL in places else []
    slices = first_few([short_name(name) for name in places if name != OVERALL], 8)
    return f"{word} {' and '.join([*overall, f'in {slices}'] if slices else overall)}" if places else ""
