"""Whose rules count: a change is judged by main's policy, and only a person waves something through, by its name."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import cast

import pytest
from safetensors.numpy import load_file, save_file

from stages import evaluate
from tests.documents import load
from tests.dvc.pipeline.clone import Clone
from tests.dvc.review import edits
from tests.dvc.review.edits import ReviewRunner, retrain, set_params
from tests.dvc.review.tampering import relock
from tests.dvc.review.test_gate_artifact import resealed
from verdict.base.outcome import APPROVABLE
from verdict.classifier.params.metric_names import OVERALL
from verdict.review.compare import WORSE, Difference
from verdict.review.params import Gate
from verdict.review.rules import model_rules

clone, runner = edits.clone, edits.runner
HEADLINE = "weighted_f1"
NO_FLOORS = dict.fromkeys(("overall", "tweets", "movies", "products", "news"), 0.0)


POLICY_CHANGES: dict[str, Callable[[Clone], object]] = {
    "lower floors": lambda place: set_params(place, "gate", floors=NO_FLOORS),
    "no slice may get worse": lambda place: set_params(place, "gate", fail_on_worse={}),
    "no look at the lock": lambda place: set_params(place, "gate", lock="ignore"),
    "no policy at all": lambda place: place.write_params({k: v for k, v in place.params().items() if k != "gate"}),
    "a policy of another shape": lambda place: set_params(place, "", gate="whatever I like"),
}


@pytest.mark.parametrize("name", POLICY_CHANGES)
def test_a_change_of_the_policy_fails(clone: Clone, runner: ReviewRunner, name: str) -> None:
    """Any change of `gate:` fails the rule `policy` alone, with the way to get it approved."""
    POLICY_CHANGES[name](clone)
    refused = runner.gate(clone)
    assert (refused.code, refused.failed) == (1, ["policy"]), refused.text
    assert "gate" in next(line for line in refused.text.splitlines() if line.startswith("FAIL"))
    assert "--approve policy" in refused.text


def test_the_way_to_approve_is_told_for_both_places(clone: Clone, runner: ReviewRunner) -> None:
    """A terminal takes an option, a pull request a label."""
    set_params(clone, "gate", floors=NO_FLOORS)
    assert "--approve policy, or in a pull request the label `approve: policy`" in runner.gate(clone).text


def test_where_other_rows_count_the_policy_may_have_to_change_first() -> None:
    """If labels mean something else, other floors fit: only then the remedy names them."""
    line = Difference(OVERALL, HEADLINE, 0.8, 0.6, -0.2, -0.3, -0.1, 0.95, WORSE)
    floors = {(OVERALL, HEADLINE): 0.7}
    asked = {
        "claims": lambda _: [(OVERALL, HEADLINE)],
        "tolerance": 0.0,
        "floors": floors,
        "floors_of": lambda _: floors,
    }
    policy = cast("Gate", SimpleNamespace(**asked))
    figures = {OVERALL: {HEADLINE: 0.6}}
    for lines in ([line], [line, line]):
        found = [
            *model_rules.worse(policy, lambda *_, lines=lines: lines, HEADLINE, [OVERALL], False),
            *model_rules.floors(policy, figures, lambda *_, lines=lines: lines, HEADLINE, lambda *_: False),
        ]
        assert [rule.passed for rule in found] == [False, False]
        assert ["on main first" in rule.remedy for rule in found] == [len(lines) > 1] * 2


def test_an_approved_change_of_the_policy_passes_and_says_so(clone: Clone, runner: ReviewRunner) -> None:
    """A person who approves the rule by its name lets the change pass, and the verdict shows that."""
    set_params(clone, "gate", floors=NO_FLOORS)
    approved = runner.gate(clone, "--approve", "policy")
    assert (approved.code, approved.failed) == (0, []), approved.text
    assert "\napproved  policy" in f"\n{approved.text}"


def test_a_policy_that_cannot_judge_is_told_before_it_is_approved(clone: Clone, runner: ReviewRunner) -> None:
    """Main's code says what it would refuse in the new policy; a person may approve it, with code that reads it."""
    set_params(clone, "gate", flors={})
    refused = runner.gate(clone)
    assert (refused.code, refused.failed) == (1, ["policy"]), refused.text
    assert "main's code cannot judge by it: gate: flors: unknown key (a typo?)" in refused.text
    assert runner.gate(clone, "--approve", "policy").code == 0


def test_even_an_approved_policy_does_not_judge_its_own_change(clone: Clone, runner: ReviewRunner) -> None:
    """A worse model with floors of 0 is judged by main's floors and rules, approved or not."""
    set_params(clone, "gate", floors=NO_FLOORS, fail_on_worse={}, lock="ignore")
    retrain(clone, **edits.WORSE)
    relock(clone)
    outcome = runner.gate(clone, "--approve", "policy")
    assert outcome.code == 1, outcome.text
    assert {"floor:overall", "floor:news", "worse:overall"} <= set(outcome.failed)
    assert "at least 0.7" in outcome.text


def test_the_reviewed_policy_is_mains(clone: Clone, runner: ReviewRunner) -> None:
    """The policy that a review holds is main's, not that of the working tree."""
    set_params(clone, "gate", confidence=0.51, seed=7)
    policy = runner.judge(clone).policy
    assert policy is not None
    assert (policy.confidence, policy.seed) == (0.95, 2014)


def test_a_change_of_documentation_passes_as_unchanged(clone: Clone) -> None:
    """On the command line, exit code 0, and the word that the model is unchanged."""
    (clone.path / "README.md").write_text("Another text.\n", encoding="utf-8")
    process = clone.try_run("python", "-I", "-m", "verdict", "gate")
    assert process.returncode == 0, process.stdout
    assert "Pass: unchanged, every prediction is main's" in process.stdout


@pytest.mark.parametrize(
    ("rule", "key", "value"), [("data", "data.rating.neutral_band", 0.3), ("split", "split.test", 0.21)]
)
def test_labels_and_split_change_only_with_approval_by_name(
    clone: Clone, runner: ReviewRunner, rule: str, key: str, value: float
) -> None:
    """Another label band or split, honestly run, fails by its rule, and passes by one command and one approval."""
    group, _, name = key.rpartition(".")
    set_params(clone, group, **{name: value})
    edits.rerun_all(clone)
    runner.run(clone, "test-set")
    others = [f"--approve={name}" for name in APPROVABLE if name != rule]
    refused = runner.gate(clone, *others)
    assert (refused.code, refused.failed) == (1, [rule]), refused.text
    assert f"{key}: " in refused.text
    assert f"→ {value!r}" in refused.text
    approved = runner.gate(clone, "--approve", rule)
    assert (approved.code, approved.failed) == (0, []), approved.text


def test_a_key_with_a_dot_hides_no_other(clone: Clone, runner: ReviewRunner) -> None:
    """A key `gate.lock` of its own beside the changed key `lock` of `gate` does not hide that change."""
    document = clone.params()
    document["gate"]["lock"] = "ignore"
    clone.write_params({**document, "gate.lock": "consistent"})
    outcome = runner.gate(clone)
    assert "policy" in outcome.failed
    assert "gate.lock: 'consistent' → 'ignore'" in outcome.text


def test_a_base_from_before_the_data_had_a_group_is_refused(clone: Clone, runner: ReviewRunner) -> None:
    """Main with the group prepare in the place of data cannot be compared with, and the way on is named."""
    document = clone.params()
    clone.write_params({**{name: group for name, group in document.items() if name != "data"}, "prepare": {}})
    clone.commit("As before")
    clone.write_params(document)
    refused = runner.gate(clone)
    assert refused.code == 2, refused.text
    assert "has the group prepare of an earlier version" in refused.reason


@pytest.mark.parametrize("name", ["worse:overall", "lock", "figures", "policy,split", ""])
def test_no_other_rule_can_be_approved(clone: Clone, runner: ReviewRunner, name: str) -> None:
    """The command line refuses an approval by any other name, with exit code 2."""
    outcome = runner.gate(clone, "--approve", name)
    assert outcome.code == 2, outcome.text
    assert "invalid choice" in outcome.text


def named(clone: Clone, **groups: list[str]) -> None:
    """Main whose policy names other metrics, or other groups."""
    set_params(clone, "gate", fail_on_worse=groups)
    clone.commit("Another policy")


@contextmanager
def set_aside(clone: Clone) -> Iterator[None]:
    """A block in which the change is put away, so that main can be committed to."""
    clone.run("git", "stash", "--quiet")
    yield
    clone.run("git", "stash", "pop", "--quiet")


def overconfident(clone: Clone) -> None:
    """Main's model with larger weights: the same classes, far surer of them; all made to match."""
    path = clone.path / "models" / "classifier" / "weights.safetensors"
    tensors = load_file(path)
    for name in ("model.coefficients", "model.intercepts"):
        tensors[name] = tensors[name] * 8
    path.unlink()
    save_file(tensors, path)
    resealed(clone)
    edits.run_stage(clone, evaluate)
    relock(clone)


def test_a_further_metric_fails_by_its_name(clone: Clone, runner: ReviewRunner) -> None:
    """A model that is worse only by log loss passes by default, with a note; a policy that names log loss fails it."""
    overconfident(clone)
    claim = "no measurable difference in weighted F1; worse in log loss"
    passed = runner.gate(clone)
    assert (passed.code, passed.failed) == (0, []), passed.text
    assert f"\nPass: {claim}" in passed.text
    with set_aside(clone):
        named(clone, overall=["weighted_f1", "log_loss"], news=["weighted_f1"])
    outcome = runner.gate(clone)
    assert (outcome.code, outcome.failed) == (1, ["worse:overall:log_loss"]), outcome.text
    assert re.search(rf"\nFail, worse:overall:log_loss \(0\.\d+ → [\d.]+\): {claim}", outcome.text)
    assert "worse:tweets" not in outcome.text


def test_a_group_that_nobody_has_fails_what_touches_the_model_alone(clone: Clone, runner: ReviewRunner) -> None:
    """A typo on main is named to every change of the model; what leaves the model alone can mend it."""
    retrain(clone, **{"linear.alpha": 0.0001})
    relock(clone)
    with set_aside(clone):
        named(clone, twets=["weighted_f1"])
    outcome = runner.gate(clone)
    assert (outcome.code, outcome.failed) == (1, ["worse:twets"]), outcome.text
    assert "Fail, worse:twets (no test row of it" in outcome.text
    assert "gate.fail_on_worse of params.yaml on main first" in outcome.text
    clone.run("git", "checkout", "--quiet", "--", ".")
    clone.run("dvc", "checkout", "--quiet")
    set_params(clone, "gate", fail_on_worse={"tweets": ["weighted_f1"]})
    mended = runner.gate(clone, "--approve", "policy")
    assert (mended.code, mended.failed) == (0, []), mended.text


def test_a_first_run_is_judged_by_floors_alone_and_says_so(clone: Clone, runner: ReviewRunner) -> None:
    """With `--bootstrap` no main is asked: there is no comparison, and the verdict names the first run."""
    clone.run("git", "branch", "--move", "main", "trunk")
    outcome = runner.gate(clone, "--bootstrap")
    assert (outcome.code, outcome.failed) == (0, []), outcome.text
    assert "Pass: first run, judged by floors alone" in outcome.text
    assert "worse:" not in outcome.text
    assert runner.gate(clone).code == 2


def test_a_first_run_below_a_floor_fails(clone: Clone, runner: ReviewRunner) -> None:
    """With `--bootstrap` a figure below one floor is exit code 1, by that floor's rule."""
    set_params(clone, "gate", floors={**edits.FLOORS, "movies": 0.99})
    outcome = runner.gate(clone, "--bootstrap")
    assert (outcome.code, outcome.failed) == (1, ["floor:movies"]), outcome.text


def test_a_first_run_cannot_claim_a_slice_that_it_does_not_test(clone: Clone, runner: ReviewRunner) -> None:
    """With `--bootstrap` a floor is not met by a figure for which there is no test row."""
    figures = (clone.path / edits.EVALUATION).read_bytes()
    edits.edit_test_and_predictions(clone, lambda table: table[table["slice"] != "news"])
    claimed = load(figures)["slices"]["news"]
    edits.edit_json(clone, edits.EVALUATION, lambda content: content["slices"].update(news=claimed))
    relock(clone)
    outcome = runner.gate(clone, "--bootstrap")
    assert outcome.code in (1, 2), outcome.text
    assert "news" in outcome.text.replace("floor:news", "")
