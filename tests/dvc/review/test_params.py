"""Tests of verdict/review/params.py."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT, small_params
from tests.documents import save
from tests.unit.classifier.test_params import BAD as BAD_FOR_STAGES
from tests.unit.classifier.test_params import set_key
from verdict.base.errors import VerdictError
from verdict.classifier.metric_names import METRICS
from verdict.classifier.scores import metrics
from verdict.review import params

BAD = {
    **BAD_FOR_STAGES,
    "unknown key of the policy": (set_key("gate.flors", {}), "gate.flors: unknown key"),
    "confidence of one": (set_key("gate.confidence", 1.0), "gate.confidence"),
    "negative price": (set_key("report.price_per_hour", -1.0), "report.price_per_hour"),
    "no policy": (lambda document: document.pop("gate"), "gate: missing"),
    "unknown metric": (set_key("gate.fail_on_worse.news", ["weighted_f1", "logloss"]), "gate.fail_on_worse.news.1"),
    "a metric twice": (set_key("gate.fail_on_worse.news", ["ece", "ece"]), "news has a metric twice"),
    "no metric": (set_key("gate.fail_on_worse.news", []), "gate.fail_on_worse.news"),
    "policy for no group": (
        set_key("gate.fail_on_worse.twets", ["ece"]),
        "gate.fail_on_worse: no such group: twets",
    ),
    "floor of no group": (
        set_key("gate.floors.twets", 0.5),
        "gate.floors: no such group: twets; there is",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_an_unusable_param_of_any_group_is_named(tmp_path: Path, name: str) -> None:
    """The command looks at every group, those of the stages and those of the judge."""
    change, expected = BAD[name]
    document = small_params()
    change(document)
    path = tmp_path / "params.yaml"
    save(path, document)
    with pytest.raises(VerdictError) as caught:
        params.load(path)
    assert expected in str(caught.value)
    assert str(path) in str(caught.value)


def test_the_committed_params_are_valid() -> None:
    """params.yaml loads, the policy included."""
    assert params.load(ROOT / "params.yaml").gate.claims


def test_the_command_refuses_a_bad_policy(tmp_path: Path) -> None:
    """In a project whose policy has a typo, which no stage would see, it ends with 1, and names the key."""
    (tmp_path / ".dvc").mkdir()
    document = small_params()
    document["gate"]["flors"] = {}
    save(tmp_path / "params.yaml", document)
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from verdict.cli import main"
    code += "; sys.exit(main(['params']))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: params.yaml: \n  gate.flors: unknown key (a typo?)" in done.stderr


def test_a_list_of_groups_means_weighted_f1_in_each() -> None:
    """The older shape of `fail_on_worse` is read as the mapping that means the same."""
    gate = small_params()["gate"]
    groups = list(gate["fail_on_worse"])
    older = params.Gate.model_validate({**gate, "fail_on_worse": groups})
    assert older == params.Gate.model_validate(gate)
    assert older.claims == tuple((group, "weighted_f1") for group in groups)
    with pytest.raises(ValueError, match="fail_on_worse"):
        params.Gate.model_validate({**gate, "fail_on_worse": [{"overall": "ece"}]})


def test_the_metrics_of_a_policy_are_those_of_the_evaluation() -> None:
    """A policy may name each score that `verdict.classifier.scores.metrics` computes, and nothing else."""
    labels, probabilities = np.array(["negative", "positive"]), np.array([[0.5, 0.2, 0.3], [0.1, 0.1, 0.8]])
    scored = metrics.scores(labels, np.array([-1.0, 2.0]), probabilities, 5)
    assert set(METRICS) == set(scored) - {"n"}
