"""Real tables of other people, from `verdict init` to the comment on a pull request, in the words of their data."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pytest

from tests.dvc.pipeline.clone import commented_clone
from tests.dvc.review.edits import retrain, set_params
from tests.dvc.review.plot_repositories import drawn
from tests.dvc.review.tampering import relock
from tests.tables import TABLES, Row, Table, write
from tests.workflows.github import GitHub
from tests.workflows.in_process import InProcessProject
from tests.workflows.origin import make_origin
from tests.workflows.pull_requests import JUDGED, perfect_predictions
from verdict.classifier.dataset.description import read_dataset

__all__ = ["drawn"]

# How many of a table's rows are taken: one in so many.
# Two classes and a slice; ten classes and groups; split by date; not English, without any column that may be left out.
ONE_IN = {"reviews": 1, "glosses": 2, "strikes": 3, "comments": 4}
WORDS_OF_THE_EXAMPLE = re.compile("sentiment|vader|tweet|neutral|valence|rater|sentence", re.IGNORECASE)


def part_of(table: Table, one_in: int, path: Path) -> Path:
    """Write every so-manieth row of a table to a file of the same format."""
    match path.suffix:
        case ".parquet":
            rows = pd.read_parquet(table.path)
        case ".jsonl":
            rows = pd.read_json(table.path, lines=True, dtype=False)
        case _:
            rows = pd.read_csv(table.path, dtype=str, keep_default_na=False)
    path.parent.mkdir()
    write(path, cast("list[Row]", rows.iloc[::one_in].to_dict("records")))
    return path


def options(data: dict[str, Any]) -> Iterator[str]:
    """The options of `verdict init` for the columns; it finds the rule for conflicts itself."""
    for name, told in data.items():
        values = told if isinstance(told, list) else [told]
        for value in [",".join(values)] if name == "labels" else values:
            if name != "conflicts":
                yield from (f"--{name}", value)


class ForeignProject(InProcessProject):
    """A project whose main has another table, and the output of its commands."""

    printed = ""

    def type(self, *command: str) -> None:
        """Run a command that must succeed, and keep what it prints."""
        self.printed += self.clone.run(*command)

    def judged(self, base: str) -> tuple[str, str, str]:
        """Conclusion and title of the check, and the comment, after a run that gave what the author committed."""
        head = self.origin.sha("refs/pull/1/head")
        told = self.report(self.add_finished_run(head, self.honest(base)))
        assert told.jobs == JUDGED, told.log
        return *self.checks()[-1], self.comment()


@pytest.fixture
def project(
    request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ForeignProject]:
    """A team that put a table in, reproduced it, and has passed the first gate."""
    table = TABLES[request.param]
    if not table.path.exists():
        pytest.skip(f"{table.path} was not fetched: make tables")
    author = commented_clone(tmp_path_factory.getbasetemp(), tmp_path / "author" / "verdict")
    origin = make_origin(tmp_path / "hub", author.path)
    with GitHub(origin.folder, origin.artifacts, origin.name) as github:
        made = ForeignProject(origin, github, author)
        given = part_of(table, ONE_IN[request.param], tmp_path / "given" / table.file)
        made.type("verdict", "init", str(given), *options(table.data))
        made.type("dvc", "repro")
        made.type("verdict", "test-set")
        author.commit("Own data")
        made.type("verdict", "gate", "--bootstrap")
        origin.push(author.path, "main")
        made.keep(author, "main")
        yield made
    assert github.violations == []


def reseeded(project: ForeignProject) -> None:
    """As good a model, and a lock to match."""
    set_params(project.clone, "train", seed=7)
    retrain(project.clone)
    relock(project.clone)


def swept(project: ForeignProject) -> None:
    """The one point of a sweep, ranked and applied."""
    (project.clone.path / "sweeps" / "seed.yaml").write_text("grid: {train.seed: [7]}\n", encoding="utf-8")
    project.type("verdict", "sweep", "run", "sweeps/seed.yaml")
    (name,) = project.clone.run("dvc", "exp", "list", "--name-only").split()
    project.type("verdict", "leaderboard", name)
    project.type("dvc", "exp", "apply", name)


@pytest.mark.parametrize(
    ("project", "change"),
    [("reviews", reseeded), ("glosses", swept), ("strikes", reseeded), ("comments", reseeded)],
    indirect=["project"],
    ids=ONE_IN,
)
def test_a_table_goes_its_way_to_a_merge(
    project: ForeignProject, drawn: list[dict[str, Any]], change: Callable[[ForeignProject], None]
) -> None:
    """An honest change passes and invented predictions do not; all that is printed and drawn speaks of the table."""
    base = project.origin.sha("main")
    project.propose(lambda _: change(project))
    conclusion, title, comment = project.judged(base)
    assert (conclusion, title.partition(":")[0]) == ("success", "Pass"), title
    assert "<code>train.seed</code>" in comment
    described = read_dataset(project.clone.path / "data/prepared/dataset.json")
    assert all(f"<code>{name}</code>" in comment for name in (*described.labels, *described.slices))
    pictures = json.dumps(drawn, ensure_ascii=False)
    assert all(f'"{name}"' in pictures for name in described.labels)

    project.propose(perfect_predictions)
    conclusion, title, refusal = project.judged(base)
    assert (conclusion, title.partition(":")[0]) == ("action_required", "Cannot judge"), title
    assert "not what the artifact says" in title
    assert project.clone.params()["data"]["path"] in project.printed
    for told in (project.printed, comment, pictures, refusal):
        assert not WORDS_OF_THE_EXAMPLE.findall(told)
