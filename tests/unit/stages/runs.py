"""Run the stages in this process in a test's folder, and change their inputs."""

import shutil
from collections.abc import Callable, Iterable
from contextlib import chdir
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from stages import evaluate, featurize, prepare, reference, train, validate
from tests.conftest import copy_start, small_params
from tests.corpus import mails, write_csv, write_raw
from tests.documents import load, save
from verdict.base.errors import exit_code

STAGES = (prepare, validate, featurize, train, evaluate, reference)
MAILS = "data/raw/mails.csv"
Change = Callable[[], object]


def build(folder: Path, kind: str = "linear", stages: Iterable[ModuleType] = STAGES) -> Path:
    """Run `stages` on the small table of the example's shape in a new folder."""
    write_raw(folder / "data" / "raw")
    return run(folder, small_params(), kind, stages)


def build_mails(folder: Path, kind: str = "linear") -> Path:
    """Run all stages on a table with two text columns and two labels."""
    write_csv(folder / MAILS, mails())
    return run(folder, mail_params(), kind, STAGES)


def mail_params() -> dict[str, Any]:
    """The params of that table; its headline metric is one for two classes."""
    document = small_params()
    document["data"] = {"path": MAILS, "text": ["subject", "body"], "label": "label"}
    document["train"].update(class_weight=None, rating_noise=None)
    document["evaluate"]["headline"] = "average_precision"
    return document


def run(folder: Path, document: dict[str, Any], kind: str, stages: Iterable[ModuleType]) -> Path:
    """Run `stages` with these params in a folder that has the table."""
    copy_start(folder)
    document["train"]["model"] = kind
    document["train"]["bag"].update(embedding_size=8, epochs=2)
    save(folder / "params.yaml", document)
    with chdir(folder):
        for stage in stages:
            stage.main()
    return folder


def copied(source: Path, target: Path) -> Path:
    """A copy of a folder, for a test to damage."""
    shutil.copytree(source, target)
    return target


def set_params(group: str, **values: object) -> Change:
    """A change of some keys of a group (dots between names) of ./params.yaml."""

    def change() -> None:
        path = Path("params.yaml")
        document = load(path)
        section: dict[str, Any] = document
        for name in group.split("."):
            section = section[name]
        section.update(values)
        save(path, document)

    return change


def set_cell(path: str, column: str, value: str | float | None, row: int = 0) -> Change:
    """A change of one cell of a parquet file."""

    def change() -> None:
        table = pd.read_parquet(path)
        table[column] = [value if number == row else old for number, old in enumerate(table[column])]
        table.to_parquet(path)

    return change


def set_column(path: str, column: str, value: str | float | None) -> Change:
    """A change of a whole column of a parquet file."""
    return lambda: pd.read_parquet(path).assign(**{column: value}).to_parquet(path)


def drop_column(path: str, column: str) -> Change:
    """The removal of a column of a parquet file."""
    return lambda: pd.read_parquet(path).drop(columns=column).to_parquet(path)


def truncate(path: str) -> Change:
    """The removal of the second half of a file."""
    return lambda: Path(path).write_bytes(Path(path).read_bytes()[: Path(path).stat().st_size // 2])


def write(path: str, content: str) -> Change:
    """The replacement of a file by a text."""
    return lambda: Path(path).write_text(content, encoding="utf-8")


def remove(path: str) -> Change:
    """The removal of a file."""
    return lambda: Path(path).unlink()


def refusal(main: Callable[[], None], capsys: pytest.CaptureFixture[str]) -> str:
    """The message of a refused `main`: exit code 1, place, reason, remedy, and no traceback."""
    capsys.readouterr()
    assert exit_code(main) == 1
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert "\n  remedy: " in message
    assert "Traceback" not in message
    return message
