"""`verdict init`: check the table and the options, then replace the example."""

import argparse
import csv
import re
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from filecmp import cmp
from pathlib import Path
from typing import Any

from verdict.base.documents import read
from verdict.base.errors import VerdictError
from verdict.base.files import write_text
from verdict.base.paths import PARAMS
from verdict.classifier.params.metric_names import HEADLINE
from verdict.classifier.scores.predictions import require_headline
from verdict.init.cards import data_card, model_card
from verdict.init.columns import columns_of, likely_label, likely_text
from verdict.init.params_file import rewrite_params
from verdict.init.trial import Trial, try_prepare
from verdict.repo.dvc import dvc
from verdict.repo.git import git
from verdict.repo.raw_data import data_path

CARDS = ("data/README.md", "models/README.md")
PUBLISHED = "data/published.csv"
COST = "metrics/cost.json"  # empty, but in git: else an experiment would not keep what it cost
# Files about the example, which are removed; `dvc repro` and `verdict test-set` write those of the new data.
FIGURES = ("dvc.lock", "data/test-set.txt", "data/added.json", "metrics", "plots")
RAW = Path("data/raw")
EXAMPLE = "data/raw/sentences.csv"
# Characters that a file name must not have: strangers may send data.
_STRANGE = re.compile(r"[^\w.-]+")


def replace_table(root: Path, options: argparse.Namespace) -> None:
    """Replace the data that params.yaml names by a table.

    Args:
        root: the project.
        options: the options of `verdict.cli.init`.

    Raises:
        VerdictError: the table or an option cannot be used; nothing was changed.
    """
    current = _current_path(root)
    _require_undo(root, current, options)
    if not options.table.exists():
        raise VerdictError(str(options.table), "no such file or folder", "the path of your table")
    _ask_for_columns(options)
    place = _target(root, options.table)
    _require_free(root, options, place)
    data, split = _groups(options, place)
    trial = _try_strict_then_lenient({**data, "path": str(options.table)}, split, data)
    headline = options.headline or HEADLINE
    require_headline(headline, trial.dataset.labels, "rating" in data)
    text = rewrite_params((root / PARAMS).read_text(encoding="utf-8"), data, split, trial, headline)
    _move_in(root, options.table, place, current)
    write_text(root / PUBLISHED, "name,slice,metric,value\n")
    write_text(root / COST, "{}\n")
    write_text(root / CARDS[0], data_card(place, data, trial))
    write_text(root / CARDS[1], model_card(trial))
    write_text(root / PARAMS, text)
    print(_summary(place, trial))


def _current_path(root: Path) -> str:
    """Return the path of the data that params.yaml names."""
    try:
        path = read(root / PARAMS, f"git checkout {PARAMS}")["data"]["path"]
    except (FileNotFoundError, KeyError, TypeError):
        raise VerdictError(PARAMS, "not the params of this project", "run at the root of the repository") from None
    return str(path)


def _require_undo(root: Path, current: str, options: argparse.Namespace) -> None:
    """Refuse to overwrite files that git could not restore, or data that replaced the example already."""
    paths = (PARAMS, *CARDS, PUBLISHED, *FIGURES, f"{current}.dvc")
    changed = git(root, "status", "--porcelain", "--", *paths).splitlines()
    if options.force:
        return
    if changed:
        what = f"changed and not committed: {', '.join(line[3:] for line in changed[:5])}"
        raise VerdictError("verdict init", what, "git stash, or commit it; or --force, if it may be lost")
    if current != EXAMPLE:
        what = f"{current} is in the place of the example already"
        raise VerdictError("verdict init", what, "edit params.yaml (docs/own-data.md); or --force, to begin again")


def _ask_for_columns(options: argparse.Namespace) -> None:
    """Ask for text and label if they are missing; without a terminal, fail with the options to give."""
    if options.text and (options.label or options.rating):
        return
    columns = columns_of(options.table)
    text = options.text or [likely_text(columns)]
    label = options.label or likely_label(columns, text)
    if not sys.stdin.isatty():
        listed = "".join(f"\n  {column.summary}" for column in columns)
        remedy = f"verdict init {options.table} --text '{text[0]}' --label '{label or 'COLUMN'}'"
        raise VerdictError(str(options.table), f"which columns are text and label? It has{listed}", remedy)
    print("\n".join(column.summary for column in columns))
    options.text = options.text or _answer("text (several by commas)", text[0]).split(",")
    if not options.rating:
        options.label = options.label or _answer("label", label or "")
    options.group = options.group or _answer("group: rows that belong together (empty: none)", "") or None


def _answer(question: str, default: str) -> str:
    return input(f"{question} [{default}]: ").strip() or default


def _target(root: Path, table: Path) -> Path:
    """Return the table's path in the project: the given one if below data/, where the judge reads, else in data/raw."""
    with suppress(ValueError):
        return RAW.parent / table.resolve().relative_to((root / RAW.parent).resolve())
    return RAW / (_STRANGE.sub("-", table.name).strip("-.") or "table")


def _require_free(root: Path, options: argparse.Namespace, place: Path) -> None:
    """Refuse file names that the judge would refuse, and a path with another table."""
    data_path({"data": {"path": place.as_posix()}}, "verdict init")
    inside = sorted(file.name for file in options.table.iterdir()) if options.table.is_dir() else []
    if strange := [name for name in inside if name[0] != "." and _STRANGE.search(name)]:
        what = f"{strange[0]!r} has other letters in its name than letters, digits, dots, _ and -"
        raise VerdictError(str(options.table), what, "rename its files")
    if options.force or not (root / place).exists() or _same(options.table, root / place):
        return
    what = f"another table lies there than {options.table}"
    raise VerdictError(str(place), what, "rename one of them; or --force, to replace what lies there")


def _same(one: Path, other: Path) -> bool:
    """Return whether two files, or the files of two folders, have the same content."""
    if one.resolve() == other.resolve():
        return True
    if one.is_dir() and other.is_dir():
        names = sorted(file.name for file in one.iterdir())
        return names == sorted(file.name for file in other.iterdir()) and all(
            _same(one / name, other / name) for name in names
        )
    return one.is_file() and other.is_file() and cmp(one, other, shallow=False)


def _groups(options: argparse.Namespace, place: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the groups `data` and `split` for the options."""
    data: dict[str, Any] = {"path": place.as_posix(), "text": _one_or_more(options.text)}
    if options.rating:
        column, *limits = options.rating
        low, high, band = (_number(value) for value in limits)
        data["rating"] = {"column": column, "limits": [low, high], "neutral_band": band}
    else:
        data["label"] = options.label
    if options.labels:
        data["labels"] = [label.strip() for label in next(csv.reader([options.labels], skipinitialspace=True))]
    chosen = {name: getattr(options, name) for name in ("positive", "id", "group", "date", "weight")}
    data |= {name: value for name, value in chosen.items() if value}
    if options.slice:
        data["slice"] = _one_or_more(options.slice)
    if options.split:
        return data, {"by": "column", "column": options.split}
    return data, {"by": "date"} if options.date else {}


def _one_or_more(names: Sequence[str]) -> str | list[str]:
    return names[0] if len(names) == 1 else list(names)


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise VerdictError("--rating", f"{value!r} is no number", "--rating COLUMN LOW HIGH BAND") from None


def _try_strict_then_lenient(table: dict[str, Any], split: dict[str, Any], data: dict[str, Any]) -> Trial:
    """Try the table; if single rows are refused, with these dropped, which is then noted in `data`."""
    try:
        return try_prepare(table, split)
    except VerdictError as refusal:
        lenient = {"conflicts": "drop", "damaged": "drop"}
        try:
            result = try_prepare({**table, **lenient}, split)
        except VerdictError:
            raise refusal from None
        for key, word in (("conflicts", "labels"), ("damaged", "damage")):
            if any(word in reason for reason in result.dropped):
                data[key] = "drop"
        return result


def _move_in(root: Path, table: Path, place: Path, current: str) -> None:
    """Copy the table to its place and track it; remove the pointer and figures of the former one."""
    if not _same(table, root / place):
        _remove(root / place)
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if table.is_dir() else shutil.copyfile)(table, root / place)
    dvc(root, "add", place.as_posix(), remedy=f"dvc add {place} says more")
    if place.as_posix() != current:
        (root / f"{current}.dvc").unlink(missing_ok=True)
    for name in FIGURES:
        _remove(root / name)


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _summary(place: Path, trial: Trial) -> str:
    labels = trial.dataset.labels
    rows = ", ".join(f"{name} {count:,}" for name, count in trial.rows.items())
    classes = ", ".join(labels[:10]) + "…" * (len(labels) > 10)
    absent = "".join(
        f"\n  no row in {split}: {column} {', '.join(names[:10])}{'…' * (len(names) > 10)}"
        for (split, column), names in trial.absent.items()
    )
    dropped = "".join(f"\n  left out: {count:,} × {reason}" for reason, count in trial.dropped.most_common())
    return f"""\
{place}: {sum(trial.rows.values()):,} rows ({rows}), {len(labels)} classes: {classes}{dropped}{absent}
params.yaml describes it; data/README.md and models/README.md are cards to be filled in.
git checkout . undoes it, but leaves {place} and {place}.dvc, which git then no longer ignores.
next:
  verdict repro
  verdict test-set
  git add . && git commit -m 'Own data'
  verdict gate --bootstrap"""
