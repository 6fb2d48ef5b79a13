"""Experiments come from strangers: their names, params and devices are shown, and never interpreted."""

import csv
import json
from pathlib import Path

import pytest

from tests.conftest import small_params
from tests.dvc.review import edits
from tests.dvc.review.edits import ReviewRunner
from tests.dvc.review.fake_experiments import ROWS, SLICES, FakeExperiments, make_experiments, model
from tests.dvc.review.test_report_hostile import OVERRIDE, TEXTS, assert_inert, github
from verdict.base.documents import dump

runner = edits.runner
NAMES = (
    "</details></td></table><h1>evil</h1>",
    "@everyone|`c`#1",
    "<img/src=http.evil/onerror=alert(1)>",
    "=cmd|'/C'!A0",
    "$(touch${IFS}evil)",
    f"{OVERRIDE}live",
    "x" * 200,
)


@pytest.fixture
def experiments(tmp_path: Path) -> FakeExperiments:
    """Experiments with such names, params, devices and scores, on slices with such names."""
    rows = ROWS.assign(slice=ROWS["slice"].map(dict(zip(SLICES, TEXTS, strict=False))))
    made = make_experiments(tmp_path / "verdict", rows, named=TEXTS[4])
    for number, name in enumerate(NAMES):
        document = small_params()
        text = TEXTS[number % len(TEXTS)].replace("\x00", "").replace("\x1b", "").replace("\x85", "")
        document["train"] |= {
            "model": text,
            TEXTS[2]: number,
            "note": [text, number],
            "__proto__": number,
            "date": text,
        }
        cost = {"experiment": name, "seconds": number + 1, "device": text, "rows_per_second": 1.5}
        files = {"params.yaml": dump(document).encode(), "metrics/cost.json": json.dumps(cost).encode()}
        made.add(name, model(1.0 + number / 10, table=rows), files=files)
    for number, text in enumerate(TEXTS):
        made.add(f"broken-{number}", model(1.0), files={"metrics/validation.json": json.dumps({text: 1}).encode()})
        told = {"overall": {"weighted_f1": text, "n": text}, "slices": {text: {}}}
        made.add(f"odd-{number}", model(1.0), files={"metrics/validation.json": json.dumps(told).encode()})
    return made


def test_nothing_of_an_experiment_is_interpreted(experiments: FakeExperiments, runner: ReviewRunner) -> None:
    """Comment and page have only the leaderboard's elements, and foreign text is in `code` alone."""
    outcome = runner.run(experiments.clone, "leaderboard", "--chosen", NAMES[0])
    assert outcome.code == 0, outcome.text
    folder = experiments.clone.path / "report/leaderboard"
    shown = github((folder / "leaderboard.md").read_text(encoding="utf-8"))
    shown.prose = [text for text in shown.prose if "dvc exp apply" not in text]  # in `pre`, where nothing is linked
    assert_inert(shown, {path.name for path in folder.glob("*.png")})
    page = (folder / "leaderboard.html").read_text(encoding="utf-8").casefold()
    for forbidden in ("<script", "<h1", "onerror=alert(1)>", "<style>*"):
        assert forbidden not in page
    for picture in folder.glob("*.svg"):
        assert "<script" not in picture.read_text(encoding="utf-8")
        assert "<image" not in picture.read_text(encoding="utf-8")
    assert OVERRIDE not in outcome.text


def test_no_cell_of_the_csv_is_a_formula(experiments: FakeExperiments, runner: ReviewRunner) -> None:
    """The CSV has a line for each experiment, and no text in it that a spreadsheet would compute."""
    assert runner.run(experiments.clone, "leaderboard").code == 0
    text = (experiments.clone.path / "report/leaderboard/leaderboard.csv").read_text(encoding="utf-8")
    lines = list(csv.reader(text.splitlines()))
    assert {len(line) for line in lines} == {len(lines[0])}
    assert len(lines) == 1 + len(NAMES) + 2 * len(TEXTS)
    cells = [cell for line in lines for cell in line if cell.startswith(("=", "+", "-", "@", "\t"))]
    assert all(float(cell) <= 0 for cell in cells)


def test_the_commands_to_copy_are_quoted(experiments: FakeExperiments, runner: ReviewRunner) -> None:
    """A name that a shell would run is quoted in commands to copy."""
    assert runner.run(experiments.clone, "leaderboard", "--chosen", NAMES[4]).code == 0
    markdown = (experiments.clone.path / "report/leaderboard/leaderboard.md").read_text(encoding="utf-8")
    assert "dvc exp apply &#x27;$(touch${IFS}evil)&#x27;" in markdown
