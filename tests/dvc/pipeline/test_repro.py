"""`dvc repro`, experiments and comparisons, on the whole DAG."""

from collections.abc import Callable

import pytest

from tests.dvc.pipeline.clone import STAGES, Clone, declared_outs

pytestmark = pytest.mark.slow


def test_repro_from_nothing_writes_every_declared_out(finished: Clone) -> None:
    """A repro in a clone without results leaves each out that dvc.yaml declares, none of them empty."""
    for name, _ in declared_outs(finished.dag()):
        out = finished.path / name
        files = list(out.rglob("*")) if out.is_dir() else [out]
        assert files, name
        assert all(file.stat().st_size > 0 for file in files), name


def test_second_repro_runs_nothing(finished: Clone, copy_of: Callable[[Clone], Clone]) -> None:
    """A second repro says that everything is up to date, and runs no stage."""
    clone = copy_of(finished)
    printed = clone.run("dvc", "repro")
    assert "Data and pipelines are up to date." in printed
    assert "Running stage" not in printed
    assert clone.lock() == finished.lock()


def test_another_clone_gets_the_same_bytes(empty: Clone, finished: Clone, copy_of: Callable[[Clone], Clone]) -> None:
    """A repro in another folder, without any cache of the first, gives the same dvc.lock and the same results."""
    clone = copy_of(empty)
    printed = clone.run("dvc", "repro")
    assert [line for line in printed.splitlines() if line.startswith("Running stage")] == [
        f"Running stage '{name}':" for name in STAGES
    ]
    assert clone.lock() == finished.lock()
    assert clone.results() == finished.results()


def test_tree_is_clean_after_a_repro_of_the_committed_state(finished: Clone, copy_of: Callable[[Clone], Clone]) -> None:
    """With lock, metrics and plots committed, a forced repro of all stages leaves git nothing to report."""
    clone = copy_of(finished)
    assert clone.changes() == ""
    clone.run("dvc", "repro", "--force")
    assert clone.changes() == ""


def test_another_model_gives_other_metrics(finished: Clone, experiment: Clone) -> None:
    """An experiment with `train.model: bag` runs train and evaluate again and changes scores and artifact alone."""
    before, after = finished.results(), experiment.results()
    changed = {name for name in before if before[name] != after.get(name)}
    assert {"metrics/evaluation.json", "models/classifier/manifest.json", "plots/training.json"} <= changed
    assert not any(name.startswith(("data/prepared", "data/features", "metrics/data")) for name in changed)
    assert experiment.params()["train"]["model"] == "bag"


def test_experiment_is_listed_with_its_params_and_metrics(experiment: Clone) -> None:
    """`dvc exp show` lists the experiment under its name, with the params that it set and the scores it reached."""
    revisions = experiment.read_json("dvc", "exp", "show", "--json")
    listed = {
        run["name"]: run["data"]
        for revision in revisions
        for one in revision["experiments"] or []
        for run in one["revs"]
    }
    train = listed["bag"]["params"]["params.yaml"]["data"]["train"]
    assert (train["model"], train["bag"]["epochs"]) == ("bag", 2)
    metrics = listed["bag"]["metrics"]["metrics/evaluation.json"]["data"]
    baseline = next(revision["data"] for revision in revisions if revision["rev"] != "workspace")
    committed = baseline["metrics"]["metrics/evaluation.json"]["data"]
    assert 0 <= metrics["overall"]["weighted_f1"] <= 1
    assert metrics["overall"]["log_loss"] != committed["overall"]["log_loss"]


def test_params_diff_shows_just_what_was_changed(experiment: Clone) -> None:
    """`dvc params diff` between the commit and the workspace names the two changed params with both values."""
    assert experiment.read_json("dvc", "params", "diff", "--json") == {
        "params.yaml": {
            "train.model": {"old": "linear", "new": "bag"},
            "train.bag.epochs": {"old": 6, "new": 2, "diff": -4},
        }
    }


def test_metrics_diff_shows_the_changed_scores(experiment: Clone) -> None:
    """`dvc metrics diff` shows old and new scores, on test and validation, and no change of the data's metrics."""
    difference = experiment.read_json("dvc", "metrics", "diff", "--json")
    assert set(difference) == {"metrics/evaluation.json", "metrics/validation.json"}
    scores = difference["metrics/evaluation.json"]
    assert difference["metrics/validation.json"]["overall.log_loss"]["diff"] != 0
    for group in ("overall", *(f"slices.{domain}" for domain in ("tweets", "movies", "products", "news"))):
        entry = scores[f"{group}.log_loss"]
        assert entry["diff"] == pytest.approx(entry["new"] - entry["old"])
        assert entry["diff"] != 0


@pytest.mark.parametrize(("stage", "key"), [("split", "saltt"), ("train", "sed"), ("evaluate", "mistake")])
def test_unknown_param_key_stops_the_run(
    finished: Clone, copy_of: Callable[[Clone], Clone], stage: str, key: str
) -> None:
    """A param that the pipeline does not know stops a repro with work to do before it does any, with the key named."""
    clone = copy_of(finished)
    document = clone.params()
    document[stage][key] = 1
    document["split"]["salt"] = "other"
    clone.write_params(document)
    process = clone.try_run("dvc", "repro")
    assert process.returncode != 0
    assert f"{stage}.{key}: unknown key" in process.stdout
    assert "Traceback" not in process.stdout
    assert "failed to reproduce 'prepare'" in process.stdout
    assert "Running stage 'validate'" not in process.stdout


def test_unknown_param_key_is_seen_with_nothing_to_do(finished: Clone, copy_of: Callable[[Clone], Clone]) -> None:
    """A knob in the wrong place is refused by `make repro`, though DVC would find nothing to do."""
    clone = copy_of(finished)
    document = clone.params()
    document["train"]["learning_rate"] = 0.1
    clone.write_params(document)
    process = clone.try_run("python", "-I", "-m", "verdict", "params")
    assert process.returncode == 1
    assert "train.learning_rate: unknown key" in process.stdout


def test_renamed_param_key_stops_the_run(finished: Clone, copy_of: Callable[[Clone], Clone]) -> None:
    """A param that is misspelt in its place, so that the right one is missing, stops the run with a name in sight."""
    clone = copy_of(finished)
    document = clone.params()
    document["train"]["sed"] = document["train"].pop("seed")
    clone.write_params(document)
    process = clone.try_run("dvc", "repro")
    assert process.returncode != 0
    assert "train.sed" in process.stdout or "train.seed" in process.stdout
    assert "Running stage 'evaluate'" not in process.stdout


def test_misspelt_override_is_refused(finished: Clone, copy_of: Callable[[Clone], Clone]) -> None:
    """`dvc exp run -S` with a param that does not exist names it, runs nothing and changes nothing."""
    clone = copy_of(finished)
    process = clone.try_run("dvc", "exp", "run", "-S", "train.typo=1")
    assert process.returncode != 0
    assert "train.typo" in process.stdout
    assert "Running stage" not in process.stdout
    assert clone.changes() == ""
