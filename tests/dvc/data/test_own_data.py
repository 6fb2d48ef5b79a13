"""docs/own-data.md: its worked example, run word for word on the real table."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.documented_commands import commands
from tests.dvc.pipeline.clone import Clone, commented_clone
from tests.tables import TABLES


@pytest.fixture
def clone(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone with the committed params.yaml, and the table where `make tables` puts it."""
    table = TABLES["reviews"]
    if not table.path.exists():
        pytest.skip("the real tables are not here: make tables")
    place = commented_clone(tmp_path_factory.getbasetemp(), tmp_path / "verdict")
    (place.path / ".venv" / "tables").mkdir(parents=True)
    shutil.copyfile(table.path, place.path / ".venv" / "tables" / table.file)
    return place


def test_the_worked_example_prints_what_the_page_says(clone: Clone) -> None:
    """Each command of the section succeeds in turn, and what the page quotes of their output was printed."""
    page = (ROOT / "docs/own-data.md").read_text(encoding="utf-8")
    section = page.split("## A worked example")[1].split("\n## ")[0]
    message = ""
    for command in commands(section):
        for part in command.split("&&"):
            if part.strip() != "make tables":
                message += clone.run(*shlex.split(part))
    (quoted,) = re.findall(r"```text\n(.*?)```", section, re.DOTALL)
    for line in filter(None, quoted.replace("…", "").splitlines()):
        assert line in message
    seen = float(re.search(r"loss of weighted F1 from (0\.\d+) on", section)[1])  # type: ignore[index]
    assert f"is seen from {seen}" in (clone.path / "report/report.md").read_text(encoding="utf-8")
