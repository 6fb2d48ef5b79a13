"""Data that break the contracts stop the DAG at `validate`, with everything that is wrong in one message."""

from collections.abc import Callable

import pytest

from tests.dvc.pipeline.clone import Clone

pytestmark = pytest.mark.slow


def test_violations_stop_the_dag_until_they_are_mended(empty: Clone, copy_of: Callable[[Clone], Clone]) -> None:
    """Repro exits non-zero at validate with all violations, featurize does not run; once mended, repro succeeds."""
    clone = copy_of(empty)
    sound = clone.params()
    clone.write_params(
        {**sound, "validate": {**sound["validate"], "min_rows": {"train": 5000, "validation": 10, "test": 6000}}}
    )
    process = clone.try_run("dvc", "repro")
    assert process.returncode != 0
    assert "failed to reproduce 'validate'" in process.stdout
    assert "2 violations" in process.stdout
    assert "train: at least 5000 rows, not " in process.stdout
    assert "test: at least 6000 rows, not " in process.stdout
    assert "remedy: " in process.stdout
    assert "Traceback" not in process.stdout
    assert "Running stage 'featurize'" not in process.stdout
    assert not (clone.path / "data/features").exists()
    assert not (clone.path / "metrics/data.json").exists()
    assert "at least 5000 rows" in (clone.path / "data/violations.csv").read_text(encoding="utf-8")

    clone.write_params(sound)
    clone.run("dvc", "repro")
    assert (clone.path / "metrics/evaluation.json").is_file()
    assert not (clone.path / "data/violations.csv").exists()


def test_params_that_data_cannot_meet_keep_earlier_results_out(
    finished: Clone, copy_of: Callable[[Clone], Clone]
) -> None:
    """If a limit is raised beyond the data, no stage after validate runs, and its old report is removed."""
    clone = copy_of(finished)
    document = clone.params()
    document["validate"]["min_class_rows"] = 4000
    clone.write_params(document)
    process = clone.try_run("dvc", "repro")
    assert process.returncode != 0
    assert process.stdout.count("at least 4000 rows with label") == 9
    assert "Stage 'prepare' didn't change" in process.stdout
    assert "Running stage 'featurize'" not in process.stdout
    assert not (clone.path / "metrics/data.json").exists()
