"""The table that params.yaml names: get the version that this revision pins, or add labelled rows to it."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from verdict.cli.exits import exit_1_on_error
from verdict.cli.project import enter_project
from verdict.cli.steps import steps

HELP = "get the data of this revision, or add labelled rows"
_NEXT = "next: verdict repro; git add data dvc.lock metrics plots; git commit; and for others dvc push"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the two commands and their options."""
    add = steps(parser)
    add("get", _get, "from the cache, the remote, or its public source: what the pointers name")
    rows = add("add", _add, "add rows to the table, as a new version")
    files = (
        "tables of rows: the columns of the text, and of the label, which may be called label; csv, tsv, jsonl, parquet"
    )
    rows.add_argument("rows", nargs="+", type=Path, help=files)
    rows.add_argument("--origin", default="", metavar="TEXT", help="where they are from, for the note in git")
    fixed = "what a row has in a column that it lacks; several times for several columns"
    rows.add_argument("--set", action="append", default=[], type=_pair, metavar="COLUMN=VALUE", help=fixed)


def _pair(text: str) -> tuple[str, str]:
    column, sign, value = text.partition("=")
    if not column or not sign:
        raise argparse.ArgumentTypeError(f"{text!r} is not COLUMN=VALUE")
    return column, value


def _get(root: Path, _: argparse.Namespace) -> None:
    from verdict.repo.remote import has_shared_remote
    from verdict.repo.sources import get_data

    print(get_data(root, remote=has_shared_remote(root)))


def _add(root: Path, options: argparse.Namespace) -> None:
    from verdict.classifier.params import load
    from verdict.init.add import add_rows, read_new_rows, summary

    params = load()
    new = read_new_rows(root, params, options.rows, dict(options.set), lenient=False)
    today = datetime.now(UTC).date()
    trial = add_rows(root, params, new, options.origin, today) if new.rows else None
    print(summary(new, trial, params.data.path) + (f"\n{_NEXT}" if trial else ""))


@exit_1_on_error
def run(options: argparse.Namespace) -> None:
    """Run the command; 0, or 1 with a message if nothing was changed."""
    options.step(enter_project(), options)
