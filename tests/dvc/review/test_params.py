"""Tests of verdict/review/params.py."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, small_params
from tests.documents import save
from tests.unit.classifier.test_params import BAD as BAD_FOR_STAGES
from tests.unit.classifier.test_params import set_key
from verdict.base.errors import VerdictError
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
    "a list of groups": (
        set_key("gate.fail_on_worse", ["overall"]),
        "gate.fail_on_worse: Input should be a valid dict",
    ),
    "a tolerance below 0": (set_key("gate.tolerance", -0.1), "gate.tolerance"),
    "a floor of a word": (
        set_key("gate.floors.news", "high"),
        "gate.floors.news.headline: Input should be a valid number",
    ),
    "a floor of a loss": (set_key("gate.floors.news", {"log_loss": 0.5}), "less of it is better: a floor would ask"),
    "a floor of nothing": (set_key("gate.floors.news", {}), "gate.floors.news"),
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
    assert params.load(ROOT / "params.yaml").gate.claims("weighted_f1")


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


def bare(document: dict[str, Any], **changes: object) -> None:
    """Data of two classes with neither slices nor ratings, and a policy to match but for some changes."""
    for name in ("rating", "slice"):
        del document["data"][name]
    document["data"].update(label="label", labels=["ham", "spam"])
    document["train"].update(class_weight=None, rating_noise=None)
    document["gate"].update({"fail_on_worse": None, "floors": None, **changes})


IMPOSSIBLE: dict[str, tuple[dict[str, object], str]] = {
    "a slice of none": ({"fail_on_worse": {"news": ["ece"]}}, "gate.fail_on_worse: no such group: news; without"),
    "a floor of none": ({"floors": {"news": 0.5}}, "gate.floors: no such group: news; without data.slice there is"),
    "a rating": (
        {"fail_on_worse": {"overall": ["rating_r"]}},
        "gate.fail_on_worse.overall: rating_r: without data.rating",
    ),
    "a class": ({"fail_on_worse": {"overall": ["recall:eggs"]}}, "recall:eggs: data.labels names 2 classes"),
    "a floor of a class": (
        {"floors": {"overall": {"f1:eggs": 0.5}}},
        "gate.floors.overall: f1:eggs: data.labels names 2",
    ),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_a_policy_for_what_the_data_cannot_have_is_refused(tmp_path: Path, name: str) -> None:
    """The command reports slices, ratings and classes that params.yaml itself rules out."""
    document = small_params()
    bare(document, **IMPOSSIBLE[name][0])
    save(tmp_path / "params.yaml", document)
    with pytest.raises(VerdictError, match=re.escape(IMPOSSIBLE[name][1])):
        params.load(tmp_path / "params.yaml")


@pytest.mark.parametrize("headline", ["roc_auc", "log_loss", "recall:negative"])
def test_a_headline_that_cannot_decide_is_refused(tmp_path: Path, headline: str) -> None:
    """Of three classes there is no ROC AUC, of a loss less is better, and one class is not all."""
    document = small_params()
    document["evaluate"]["headline"] = headline
    save(tmp_path / "params.yaml", document)
    with pytest.raises(VerdictError, match=rf"evaluate\.headline: {headline}: "):
        params.load(tmp_path / "params.yaml")


def test_a_policy_may_name_classes_and_have_no_floors(tmp_path: Path) -> None:
    """Without floors and claims there are none; what the data may have is left to the gate where params cannot tell."""
    document = small_params()
    bare(document)
    save(tmp_path / "params.yaml", document)
    policy = params.load(tmp_path / "params.yaml").gate
    assert (policy.claims("mcc"), policy.floors_of("mcc"), policy.tolerance) == ((), {}, 0.0)
    bare_of_labels = {"fail_on_worse": {"overall": ["recall:eggs", "roc_auc"]}, "floors": {"overall": 0.7}}
    document["gate"].update(bare_of_labels)
    del document["data"]["labels"]
    save(tmp_path / "params.yaml", document)
    policy = params.load(tmp_path / "params.yaml").gate
    assert policy.claims("mcc") == (("overall", "recall:eggs"), ("overall", "roc_auc"))
    assert policy.floors_of("mcc") == {("overall", "mcc"): 0.7}


def test_a_policy_may_name_the_headline_metric_whatever_it_is(tmp_path: Path) -> None:
    """`headline` means evaluate.headline, and counts once if that is named, too."""
    document = small_params()
    document["gate"]["fail_on_worse"] = {"overall": ["headline", "accuracy", "mcc"]}
    save(tmp_path / "params.yaml", document)
    policy = params.load(tmp_path / "params.yaml").gate
    assert policy.claims("mcc") == (("overall", "mcc"), ("overall", "accuracy"))
