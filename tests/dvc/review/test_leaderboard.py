"""The leaderboard: who is ranked, who is listed apart and why, and what its files hold."""

import csv
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.dvc.review import edits
from tests.dvc.review.edits import ReviewRunner
from tests.dvc.review.fake_experiments import (
    ROWS,
    SLICES,
    TEST_SCORE,
    FakeExperiments,
    guesses,
    lock,
    make_experiments,
    model,
    plain_rows,
)
from tests.unit.review.predictions import truth
from verdict.experiments.leaderboard.varying_params import varying

runner = edits.runner
SCORES, COST, EVALUATION = "metrics/validation.json", "metrics/cost.json", "metrics/evaluation.json"


@pytest.fixture
def experiments(tmp_path: Path) -> FakeExperiments:
    """A repository without experiments."""
    return make_experiments(tmp_path / "verdict")


@dataclass(frozen=True)
class WrittenLeaderboard:
    """A leaderboard that was written."""

    markdown: str
    page: str
    table: dict[str, dict[str, str]]
    printed: str

    @property
    def ranks(self) -> list[str]:
        """The names of the ranked, in their order."""
        return [name for name, line in self.table.items() if line["rank"]]

    @property
    def all(self) -> str:
        """Every text of it."""
        return f"{self.markdown}{self.page}{self.table}{self.printed}"


@pytest.fixture
def make(runner: ReviewRunner) -> Callable[..., WrittenLeaderboard]:
    """`verdict leaderboard` in a shelf."""

    def made(experiments: FakeExperiments, *options: str) -> WrittenLeaderboard:
        outcome = runner.run(experiments.clone, "leaderboard", *options)
        assert outcome.code == 0, outcome.text
        folder = experiments.clone.path / "report/leaderboard"
        lines = csv.DictReader((folder / "leaderboard.csv").read_text(encoding="utf-8").splitlines())
        markdown, page = ((folder / f"leaderboard.{kind}").read_text(encoding="utf-8") for kind in ("md", "html"))
        return WrittenLeaderboard(markdown, page, {line["experiment"]: line for line in lines}, outcome.text)

    return made


def test_experiments_are_ranked_by_their_score(
    experiments: FakeExperiments, make: Callable[..., WrittenLeaderboard]
) -> None:
    """The highest score on validation is first, the params that differ are shown and no others, with all figures."""
    experiments.add("poor", model(4.0), params={"alpha": 1e-3}, seconds=3.5)
    experiments.add("good", model(0.5), params={"alpha": 1e-5})
    experiments.add("same", model(0.5), params={"alpha": 2e-5})
    made = make(experiments)
    assert made.ranks == ["good", "same", "poor"]
    assert [line["ties_best"] for line in made.table.values()] == ["true", "true", "false"]
    assert [key for key in made.table["good"] if key.startswith("params:")] == ["params:train.linear.alpha"]
    assert [line["params:train.linear.alpha"] for line in made.table.values()] == ["1e-05", "2e-05", "0.001"]
    poor = {key: float(made.table["poor"][key]) for key in ("low", "score", "high", "to_best_high", "seconds")}
    assert poor["low"] < poor["score"] < poor["high"]
    assert (poor["to_best_high"] < 0, poor["seconds"]) == (True, 3.5)
    assert made.markdown.count("~&nbsp;best</b>") == 1
    assert "1 of the 2 others cannot be told apart" in made.markdown
    assert "flatters itself" in made.markdown
    assert made.page.count("data:image/svg+xml") == 2
    assert {path.name for path in (experiments.clone.path / "report/leaderboard").glob("*.png")} == set(
        re.findall(r'src="([^"]+)"', made.markdown)
    )


def test_test_scores_are_shown_of_the_chosen_alone(
    experiments: FakeExperiments, make: Callable[..., WrittenLeaderboard]
) -> None:
    """Only the chosen experiment's score on test is in any file."""
    experiments.add("first", model(0.5))
    hidden = {"overall": {"weighted_f1": 0.123456, "n": 9}}
    experiments.add("second", model(0.7), files={EVALUATION: json.dumps(hidden).encode()})
    assert not re.search(r"0\.98765|0\.9877|0\.1234|0\.1235", make(experiments).all)
    chosen = make(experiments, "--chosen", "first")
    assert f"{TEST_SCORE:.4f}" in chosen.markdown
    assert not re.search(r"0\.1234|0\.1235", chosen.all)


@pytest.mark.parametrize("name", ["nobody", "first-of-all"])
def test_only_one_that_is_there_can_be_chosen(experiments: FakeExperiments, runner: ReviewRunner, name: str) -> None:
    """A choice that is none of the experiments is refused, and named."""
    experiments.add("first", model(0.5))
    outcome = runner.run(experiments.clone, "leaderboard", "--chosen", name)
    assert outcome.code == 2
    assert name in outcome.text


def test_other_rows_are_listed_apart(experiments: FakeExperiments, make: Callable[..., WrittenLeaderboard]) -> None:
    """A score on another validation split is shown apart, without a rank, however high it is."""
    experiments.add("here", model(1.0))
    other = truth(np.random.default_rng(2), SLICES)
    experiments.add("there", model(0.1, table=other), validation="a" * 32)
    made = make(experiments)
    assert made.ranks == ["here"]
    assert made.table["there"]["status"] == "elsewhere"
    assert "Not comparable" in made.markdown


def test_a_lock_that_lies_about_its_rows_is_found_out(
    experiments: FakeExperiments, make: Callable[..., WrittenLeaderboard]
) -> None:
    """Predictions for easier rows under the hash of the true ones are not ranked."""
    experiments.add("here", model(1.0))
    easy = ROWS.assign(rating=ROWS["rating"] * 2)
    experiments.add("liar", model(0.1, table=easy))
    made = make(experiments)
    assert made.ranks == ["here"]
    assert "not for the validation rows" in made.table["liar"]["reason"]


def test_predictions_elsewhere_leave_a_score_without_an_interval(
    experiments: FakeExperiments, make: Callable[..., WrittenLeaderboard]
) -> None:
    """Without predictions in the cache there is a rank and a score, no interval, and the command that gets them."""
    experiments.add("far", model(0.4), cached=False)
    experiments.add("near", model(1.0))
    made = make(experiments)
    assert made.ranks == ["far", "near"]
    assert (made.table["far"]["status"], made.table["far"]["low"]) == ("not measured", "")
    assert made.table["near"]["ties_best"] == "true"
    assert "dvc exp pull" in made.markdown
    assert "near</code> has the best score" in made.markdown


BROKEN: dict[str, tuple[str, bytes | None, str]] = {
    "stopped": (SCORES, None, "did not get as far"),
    "no-json": (SCORES, b'{"overall": ', "not readable as JSON"),
    "nan": (SCORES, b'{"overall": {"weighted_f1": NaN, "n": 3}}', "not a finite number"),
    "infinite": (SCORES, b'{"overall": {"weighted_f1": 1e999, "n": 3}}', "not a number from"),
    "text": (SCORES, b'{"overall": {"weighted_f1": "0.99", "n": 3}}', "not a number"),
    "list": (SCORES, b"[1, 2]", "expected an object"),
    "deep": (SCORES, b"[" * 100_000, "not readable as JSON"),
    "odd-slices": (SCORES, b'{"overall": {"weighted_f1": 0.9, "n": 3}, "slices": 3, "seeds": {}}', "slices"),
    "another-metric": (SCORES, b'{"overall": {"accuracy": 0.9, "n": 3}}', "weighted_f1"),
    "latin": (SCORES, b'{"overall": "\xff"}', "not UTF-8"),
    "huge": (SCORES, b" " * 1_000_001, "too many"),
    "no-lock": ("dvc.lock", None, "no such file"),
    "odd-lock": ("dvc.lock", b"stages: 3", "not a lock"),
    "path-in-lock": ("dvc.lock", lock("../../etc/passwd", "x.dir"), "is not a hash"),
    "no-params": ("params.yaml", b"just a text", "expected groups"),
    "deep-params": ("params.yaml", b"{a: " * 50_000, "params.yaml"),
    "laughs": ("params.yaml", b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "aliases"),
    "many": ("params.yaml", "".join(f"k{n}: {n}\n" for n in range(2000)).encode(), "more than 1,000"),
}


def test_what_is_broken_in_one_does_not_break_the_table(
    experiments: FakeExperiments, make: Callable[..., WrittenLeaderboard]
) -> None:
    """Every kind of damage is listed with its reason, and the rest is ranked as if it were not there."""
    experiments.add("sound", model(1.0))
    for name, (path, content, _) in BROKEN.items():
        experiments.add(name, model(0.5), files={path: content})
    made = make(experiments)
    assert made.ranks == ["sound"]
    for name, (_, _, reason) in BROKEN.items():
        assert (made.table[name]["status"], reason in made.table[name]["reason"]) == ("broken", True), made.table[name]


def test_a_score_that_its_predictions_do_not_have_is_refused(
    experiments: FakeExperiments, make: Callable[..., WrittenLeaderboard]
) -> None:
    """An experiment with an edited score is listed as unranked, with both scores."""
    experiments.add("honest", model(1.0))
    told = {"overall": {"weighted_f1": 0.99, "n": 3}, "slices": {key: {"weighted_f1": 0.99} for key in SLICES}}
    seeds = {"seeds": {"values": {"1": 0.99}}}
    experiments.add("forger", model(2.0), files={SCORES: json.dumps({**told, **seeds}).encode()})
    made = make(experiments)
    assert made.ranks == ["honest"]
    assert "0.990000, but its own predictions give" in made.table["forger"]["reason"]


def test_seeds_without_predictions_are_refused(
    experiments: FakeExperiments, make: Callable[..., WrittenLeaderboard]
) -> None:
    """A spread over seeds without predictions removes the experiment from the ranking."""
    experiments.add("honest", model(1.0))
    content = experiments.content("steady", model(0.5), experiments.put_predictions(model(0.5)))
    told = json.loads(content[SCORES])
    score = told["overall"]["weighted_f1"]
    told["seeds"]["values"] = {"1": score, "2": score, "3": score}
    experiments.commit("steady", {**content, SCORES: json.dumps(told).encode()})
    made = make(experiments)
    assert made.ranks == ["honest"]
    assert "3 seeds, weighted F1" in made.table["steady"]["reason"]
    assert "predictions of 1 seed" in made.table["steady"]["reason"]


@pytest.mark.parametrize("damage", ["no parquet", "no column", "one class", "words", "infinity", "a label", "no row"])
def test_predictions_that_are_none_are_named(
    experiments: FakeExperiments, make: Callable[..., WrittenLeaderboard], damage: str
) -> None:
    """A broken table in the cache takes its own experiment out, and no other."""
    experiments.add("sound", model(1.0))
    table = model(0.5)
    path = experiments.clone.path / "made.parquet"
    spoilt = {
        "no column": lambda: table.drop(columns="group"),
        "one class": lambda: table.drop(columns=["high", "low"]).assign(middle=1.0),
        "words": lambda: table.assign(low="much"),
        "infinity": lambda: table.assign(middle=[float("inf"), *table["middle"][1:]]),
        "a label": lambda: table.assign(label=["joyful", *table["label"][1:]]),
        "no row": lambda: table[:0],
    }
    spoilt.get(damage, lambda: table)().to_parquet(path)
    content = b"PAR1 not at all" if damage == "no parquet" else path.read_bytes()
    path.unlink()
    listing = json.dumps([{"md5": experiments.put(content), "relpath": "predictions.parquet"}]).encode()
    digest = experiments.put(listing, ".dir")
    experiments.add("spoilt", table, cached=False, files={"dvc.lock": lock(experiments.validation, digest)})
    made = make(experiments)
    assert made.ranks == ["sound"]
    assert "predictions.parquet" in made.table["spoilt"]["reason"]


def test_a_corrupted_object_counts_as_absent(
    experiments: FakeExperiments, make: Callable[..., WrittenLeaderboard]
) -> None:
    """Bytes in the cache that have another hash than their name are not looked at."""
    experiments.add("one", model(1.0))
    for path in (experiments.clone.path / ".dvc/cache/files/md5").rglob("*"):
        if path.is_file() and path.read_bytes().startswith(b"PAR1"):
            path.write_bytes(b"other")
    assert make(experiments).table["one"]["status"] == "not measured"


def test_a_cost_is_believed_of_its_own_experiment_alone(
    experiments: FakeExperiments, make: Callable[..., WrittenLeaderboard]
) -> None:
    """A time that another experiment took, or none, is shown as a dash; a broken file is named, and costs no rank."""
    experiments.add("own", model(1.0), seconds=7.0)
    cost = {"experiment": "own", "seconds": 7.0, "device": "x86", "rows_per_second": 1.0}
    experiments.add("cached", model(1.1), files={COST: json.dumps(cost).encode()})
    experiments.add("odd", model(1.2), files={COST: b'{"experiment": "odd", "seconds": "fast", "device": [1]}'})
    made = make(experiments)
    assert {name: line["seconds"] for name, line in made.table.items()} == {"own": "7.0", "cached": "", "odd": ""}
    assert sorted(made.ranks) == ["cached", "odd", "own"]
    assert "seconds is" in made.table["odd"]["reason"]


def test_experiments_of_other_commits_are_shown_when_asked_for(
    experiments: FakeExperiments, make: Callable[..., WrittenLeaderboard]
) -> None:
    """Those of HEAD by default, those of all commits with --all, each with its commit."""
    experiments.add("old", model(1.0))
    (experiments.clone.path / "README.md").write_text("x\n", encoding="utf-8")
    experiments.clone.commit("Next")
    FakeExperiments(
        experiments.clone, experiments.clone.run("git", "rev-parse", "HEAD").strip(), experiments.validation
    ).add("new", model(0.9))
    assert make(experiments).ranks == ["new"]
    both = make(experiments, "--all")
    assert sorted(both.ranks) == ["new", "old"]
    assert f"on {experiments.baseline[:7]}" in both.markdown


def test_names_select_and_those_that_are_not_here_are_listed(
    experiments: FakeExperiments, make: Callable[..., WrittenLeaderboard]
) -> None:
    """With names only these are shown; failures that a sweep recorded are listed with their reason."""
    for name in ("a", "b"):
        experiments.add(name, model(1.0))
    note = experiments.clone.path / ".dvc/tmp/sweeps/failed/c"
    note.parent.mkdir(parents=True)
    note.write_text("train: too large a batch\n", encoding="utf-8")
    (note.parent.parent / "secret").write_text("not to be shown\n", encoding="utf-8")
    made = make(experiments, "b", "c", "d", "../secret")
    assert made.ranks == ["b"]
    states = {name: line["status"] for name, line in made.table.items() if name != "b"}
    assert states == {"c": "broken", "d": "absent", "../secret": "absent"}
    assert "too large a batch" in made.table["c"]["reason"]


def test_without_experiments_it_says_what_to_do(experiments: FakeExperiments, runner: ReviewRunner) -> None:
    """No experiment is 2, with the commands that make or get some."""
    outcome = runner.run(experiments.clone, "leaderboard")
    assert outcome.code == 2
    assert "--all" in outcome.text


def test_a_comment_stays_below_githubs_limit(
    experiments: FakeExperiments, make: Callable[..., WrittenLeaderboard]
) -> None:
    """Four hundred experiments with long names: the comment is cut and says so, the CSV has all of them."""
    table = model(1.0)
    for number in range(400):
        experiments.add(f"{'long-name-' * 7}{number}", table, cached=False, params={"alpha": 1e-5 * (1 + number)})
    made = make(experiments)
    assert len(made.markdown) < 65_000
    assert "more in leaderboard.html" in made.markdown
    assert len(made.table) == 400


def test_data_of_another_kind_are_ranked_by_their_own_metric(
    tmp_path: Path, make: Callable[..., WrittenLeaderboard]
) -> None:
    """Two classes, one of them called as a column is, without slices, groups and ratings: by params.yaml's metric."""
    labels = ("id", "spam")
    rows = plain_rows(labels)
    experiments = make_experiments(tmp_path / "verdict", rows, labels, "average_precision")
    for name, right in {"poor": 0.6, "good": 0.9}.items():
        experiments.add(name, guesses(rows, labels, right), headline="average_precision")
    made = make(experiments)
    assert made.ranks == ["good", "poor"]
    assert [line["metric"] for line in made.table.values()] == ["average_precision"] * 2
    assert [line["ties_best"] for line in made.table.values()] == ["true", "false"]
    assert not [key for key in made.table["good"] if key.startswith("score:")]
    assert "on 200 validation texts." in made.markdown
    assert "weighted F1" not in made.all
    assert "By slice" not in made.markdown


def test_of_many_slices_the_largest_are_shown(tmp_path: Path, make: Callable[..., WrittenLeaderboard]) -> None:
    """Eight of thirty slices have a column, under the slice's configured name; the CSV has all of them."""
    labels = ("a", "b", "c", "d")
    slices = [*(f"slice-{number}" for number in range(30)), *(["large"] * 10)]
    rows = plain_rows(labels, 400, slices)
    experiments = make_experiments(tmp_path / "verdict", rows, labels)
    experiments.add("one", guesses(rows, labels, 0.7))
    made = make(experiments, "--chosen", "one")
    assert "<b>By <code>source</code></b>" in made.markdown
    (table,) = re.findall(r"By <code>source</code>.*?</table>", made.markdown, re.DOTALL)
    assert re.findall(r"<code>(large|slice-\d+)", table) == ["large", *(f"slice-{number}" for number in range(7))]
    assert made.markdown.count("the 8 largest slices, 23 more are not shown") == 2
    assert len([key for key in made.table["one"] if key.startswith("score:")]) == 31


def test_other_classes_are_listed_apart(experiments: FakeExperiments, make: Callable[..., WrittenLeaderboard]) -> None:
    """Predictions of one class more on the same rows have a score that is not comparable: they have no rank."""
    experiments.add("here", model(1.0))
    for name in ("there", "too"):  # most of them: HEAD's own classes count all the same
        experiments.add(name, model(0.1).assign(new=0.0))
    made = make(experiments)
    assert made.ranks == ["here"]
    assert made.table["there"]["status"] == "elsewhere"
    assert "other classes: low, middle, high, new" in made.table["there"]["reason"]


def test_without_what_is_known_of_the_data_most_experiments_count(
    experiments: FakeExperiments, make: Callable[..., WrittenLeaderboard]
) -> None:
    """If the cache lacks HEAD's rows and classes, those of most experiments are ranked."""
    for name in ("one", "two"):
        experiments.add(name, model(1.0))
    experiments.add("other", model(0.1).assign(new=0.0))
    for path in (experiments.clone.path / ".dvc/cache/files/md5").rglob("*"):
        if path.is_file() and b'"labels"' in path.read_bytes():
            path.unlink()
    made = make(experiments)
    assert made.ranks == ["one", "two"]
    assert "<b>By slice</b>" in made.markdown


def test_a_metric_that_the_data_do_not_have_is_refused(tmp_path: Path, runner: ReviewRunner) -> None:
    """Average precision of three classes is none: nothing is ranked, and the key is named."""
    experiments = make_experiments(tmp_path / "verdict", headline="average_precision")
    experiments.add("one", model(1.0))
    outcome = runner.run(experiments.clone, "leaderboard")
    assert outcome.code == 2
    assert "evaluate.headline: average_precision is none of" in outcome.text


def test_only_params_that_are_used_and_differ_are_columns() -> None:
    """Settings of a kind of model that was not trained do not count, nor do those of the gate."""
    linear = {"train.model": "linear", "train.linear.alpha": 1, "train.bag.epochs": 1, "gate.seed": 1}
    bag = {"train.model": "bag", "train.linear.alpha": 2, "train.bag.epochs": 2, "gate.seed": 2}
    other = {**linear, "train.linear.alpha": 3, "train.bag.epochs": 9}
    assert varying([linear, bag, other]) == ["train.model", "train.linear.alpha"]
