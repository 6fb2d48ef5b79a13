"""Writes a table's description into params.yaml: some groups anew, some keys in place, the rest as it is."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from verdict.base.errors import VerdictError
from verdict.init.trial import Trial

_PLAIN = re.compile(r"[A-Za-z_][\w./-]*(?: [\w./-]+)*")
_WORDS = re.compile(r"true|false|null|y|n|yes|no|on|off|~", re.IGNORECASE)
# Rows that the linear model's penalty was tuned on, and slices that a gate watches: some, of that many test rows.
_TUNED = 16_675
_SHOWN_SLICES, _SLICE_ROWS = 6, 100
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
    """params.yaml for a table.

    Args:
        text: params.yaml as it is.
        data: the group `data`.
        split: the group `split`, as far as it is not the default.
        trial: what the stage prepare makes of the table.
        headline: the metric that decides.
    """
    text = _group(text, "data", _lines(data, "the table, and which of its columns mean what (docs/own-data.md)"))
    text = _group(text, "split", _lines({"by": "group", "salt": "verdict", "test": 0.2, "validation": 0.1, **split}))
    text = _group(text, "validate", _limits(trial))
    text = _key(text, "headline", f" {headline} # the metric that decides (docs/own-data.md)")
    text = _key(text, "fail_on_worse", _claims(trial))
    text = _key(text, "floors", " {} # none yet: the gate's first run proposes them")
    text = _key(
        text, "class_weight", " null # how much a class's rows count: {LABEL: 2.0}, balanced, or null: all alike"
    )
    if "rating" not in data:
        text = _key(text, "rating_noise", " null # read where the labels come from a rating")
    text = _key(text, "alpha", f" {_alpha(trial)} # strength of the L2 penalty; by the number of rows, try others")
    text = _key(text, "columns", " {} # what rows get that come back from users without a column of the table")
    if trial.spaceless:
        text = _key(
            text, "char", " {ngrams: [1, 3], min_df: 3} # characters are the words of a language without spaces"
        )
    return text


def _group(text: str, name: str, body: Sequence[str]) -> str:
    """The text with another body of a group at the top level."""
    found = re.search(rf"^{name}:.*\n(?:(?:[ #].*)?\n)*?(?=(?:#.*\n|\n)*^\w|\Z)", text, re.MULTILINE)
    new = "\n".join([f"{name}:{body[0]}", *(f"  {line}" for line in body[1:])]) + "\n"
    if found is None:
        raise VerdictError("params.yaml", f"has no group {name}", "git checkout params.yaml")
    return text[: found.start()] + new + text[found.end() :]


def _key(text: str, name: str, value: str) -> str:
    """The text with another value of a key that stands in it once, and of the lines below that are indented more."""
    found = list(re.finditer(rf"^( +){name}:.*\n(?:\1 +.*\n)*", text, re.MULTILINE))
    if len(found) != 1:
        raise VerdictError("params.yaml", f"the key {name} stands in it {len(found)} times", "git checkout params.yaml")
    (place,) = found
    return f"{text[: place.start()]}{place[1]}{name}:{value}\n{text[place.end() :]}"


def _lines(values: Mapping[str, Any], note: str = "") -> list[str]:
    lines = [f" # {note}" if note else ""]
    for key, value in values.items():
        told = f" # {_NOTES[key]}" if note and key in _NOTES else ""
        lines.append(f"{key}: {yaml_value(value)}{told}")
    return lines


def yaml_value(value: object) -> str:
    """A value in YAML, on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{yaml_value(key)}: {yaml_value(own)}" for key, own in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(yaml_value, value)) + "]"
    if isinstance(value, str) and not (_PLAIN.fullmatch(value) and not _WORDS.fullmatch(value)):
        return json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, str) else json.dumps(value)


def _limits(trial: Trial) -> list[str]:
    """Four fifths of the rows that each split has, and half of what the rarest class and slice have."""
    rows = {name: max(1, int(0.8 * count)) for name, count in trial.rows.items()}
    lines = ["", f"min_rows: {yaml_value(rows)}", f"min_class_rows: {trial.rarest('label') // 2} # in every split"]
    return [
        *lines,
        *([f"min_slice_rows: {trial.rarest('slice') // 2} # in every split"] if trial.slices else []),
    ]


def _claims(trial: Trial) -> str:
    """A line for overall, and for each of the largest slices with enough test rows to say anything."""
    large = [name for name, rows in trial.slices.most_common(_SHOWN_SLICES) if rows >= _SLICE_ROWS]
    note = " # measurably worse in one of these (headline: that of evaluate) fails; each one more widens all intervals"
    return "\n".join([note, *(f"    {yaml_value(name)}: [headline]" for name in ("overall", *large))])


def _alpha(trial: Trial) -> str:
    """The penalty for so many rows, to one digit: what was tuned, less with more of them."""
    wanted = 2e-5 * (_TUNED / max(trial.rows["train"], 1)) ** 0.5
    return f"{float(f'{wanted:.0e}'):.10f}".rstrip("0")
