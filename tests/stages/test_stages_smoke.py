"""The five stages in one process on the small corpus."""

from pathlib import Path

from classifier.files import read_json
from stages import evaluate, featurize, prepare, train, validate


def test_the_five_stages_run_in_order_and_leave_finite_scores(workspace: Path) -> None:
    """Five stages on a small corpus end with the metrics of all domains."""
    for stage in (prepare, validate, featurize, train, evaluate):
        stage.main()
    metrics = read_json(workspace / "metrics/evaluation.json", "")
    assert set(metrics["domains"]) == {"tweets", "movies", "products", "news"}
    assert 0 <= metrics["overall"]["weighted_f1"] <= 1
