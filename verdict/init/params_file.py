"""Write a table's description into params.yaml: replace some groups and keys, keep the rest with its comments."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from verdict.base.errors import VerdictError
from verdict.init.trial import Trial

_PLAIN = re.compile(r"[A-Za-z_][\w./-]*(?: [\w./-]+)*")
_WORDS = re.compile(r"true|false|null|y|n|yes|no|on|off|~", re.IGNORECASE)
_TUNED_ROWS = 16_675  # the training rows for which the linear model's penalty was tuned
_MOST_SLICES, _SLICE_ROWS = 6, 100  # slices that the gate watches, and the test rows that each must have
_NOTES = {
    "path": "`dvc add` it again when it changes",
    "text": "a column, or a list of columns",
    "labels": "in this order everywhere; of two classes the second is the positive one",
    "id": "must be unique",
    "group": "rows that share it are never torn apart, and are what chance draws",
    "slice": "every score is shown for each of its values, too",
    "rating": "the labels come from it",
}


def rewrite_params(text: str, data: Mapping[str, Any], split: Mapping[str, Any], trial: Trial, headline: str) -> str:
    """Return params.yaml for a table.

    Args:
        text: the current params.yaml.
        data: the group `data`.
        split: the keys of the group `split` that differ from the default.
        trial: the result of the stage prepare for the table.
        headline: the metric that decides.
    """
    text = _with_group(text, "data", _lines(data, "the table, and which of its columns mean what (docs/own-data.md)"))
    text = _with_group(
        text, "split", _lines({"by": "group", "salt": "verdict", "test": 0.2, "validation": 0.1, **split})
    )
    text = _with_group(text, "validate", _limits(trial))
    text = _with_key(text, "headline", f" {headline} # the metric that decides (docs/own-data.md)")
    text = _with_key(text, "fail_on_worse", _claims(trial))
    text = _with_key(text, "floors", " {} # none yet: the gate's first run proposes them")
    text = _with_key(
        text, "class_weight", " null # how much a class's rows count: {LABEL: 2.0}, balanced, or null: all alike"
    )
    if "rating" not in data:
        text = _with_key(text, "rating_noise", " null # read where the labels come from a rating")
    text = _with_key(text, "alpha", f" {_alpha(trial)} # strength of the L2 penalty; by the number of rows, try others")
    text = _with_key(text, "columns", " {} # what rows get that come back from users without a column of the table")
    if trial.spaceless:
        text = _with_key(
            text, "char", " {ngrams: [1, 3], min_df: 3} # characters are the words of a language without spaces"
        )
    return text


def _with_group(text: str, name: str, body: Sequence[str]) -> str:
    """Return the text with another body of a group at the top level."""
    match = re.search(rf"^{name}:.*\n(?:(?:[ #].*)?\n)*?(?=(?:#.*\n|\n)*^\w|\Z)", text, re.MULTILINE)
    group = "\n".join([f"{name}:{body[0]}", *(f"  {line}" for line in body[1:])]) + "\n"
    if match is None:
        raise VerdictError("params.yaml", f"has no group {name}", "git checkout params.yaml")
    return text[: match.start()] + group + text[match.end() :]


def _with_key(text: str, name: str, value: str) -> str:
    """Return the text with another value of a key that occurs once; its more indented lines are replaced, too."""
    matches = list(re.finditer(rf"^( +){name}:.*\n(?:\1 +.*\n)*", text, re.MULTILINE))
    if len(matches) != 1:
        raise VerdictError(
            "params.yaml", f"the key {name} stands in it {len(matches)} times", "git checkout params.yaml"
        )
    (match,) = matches
    return f"{text[: match.start()]}{match[1]}{name}:{value}\n{text[match.end() :]}"


def _lines(values: Mapping[str, Any], title: str = "") -> list[str]:
    lines = [f" # {title}" if title else ""]
    for key, value in values.items():
        comment = f" # {_NOTES[key]}" if title and key in _NOTES else ""
        lines.append(f"{key}: {yaml_value(value)}{comment}")
    return lines


def yaml_value(value: object) -> str:
    """Return a value in YAML, on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{yaml_value(key)}: {yaml_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(yaml_value, value)) + "]"
    if isinstance(value, str) and not (_PLAIN.fullmatch(value) and not _WORDS.fullmatch(value)):
        return json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, str) else json.dumps(value)


def _limits(trial: Trial) -> list[str]:
    """Return limits: four fifths of the rows of each split, and half of those of the rarest class and slice."""
    rows = {name: max(1, int(0.8 * count)) for name, count in trial.rows.items()}
    lines = ["", f"min_rows: {yaml_value(rows)}", f"min_class_rows: {trial.rarest('label') // 2} # in every split"]
    return [
        *lines,
        *([f"min_slice_rows: {trial.rarest('slice') // 2} # in every split"] if trial.slices else []),
    ]


def _claims(trial: Trial) -> str:
    """Return a line for overall, and for each of the largest slices with enough test rows."""
    large = [name for name, rows in trial.slices.most_common(_MOST_SLICES) if rows >= _SLICE_ROWS]
    note = " # measurably worse in one of these (headline: that of evaluate) fails; each one more widens all intervals"
    return "\n".join([note, *(f"    {yaml_value(name)}: [headline]" for name in ("overall", *large))])


def _alpha(trial: Trial) -> str:
    """Return the penalty for this number of rows, to one digit: the tuned one, less for more rows."""
    penalty = 2e-5 * (_TUNED_ROWS / max(trial.rows["train"], 1)) ** 0.5
    return f"{float(f'{penalty:.0e}'):.10f}".rstrip("0")
