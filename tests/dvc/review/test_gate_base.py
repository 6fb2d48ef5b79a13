"""Both sides of the gate: a main that is lost or has no policy, a commit as candidate, crashes, and repetition."""

import json
import shutil
from collections.abc import Callable

import pytest

from tests.dvc.pipeline.clone import Clone
from tests.dvc.review import edits
from tests.dvc.review.edits import ReviewRunner, edit_json, retrain, set_params
from tests.dvc.review.tampering import delete_output, relock
from verdict.review.rules import model_rules

clone, runner = edits.clone, edits.runner


def worktrees(clone: Clone) -> int:
    """The number of work trees that git knows of."""
    return len(clone.run("git", "worktree", "list", "--porcelain").split("worktree ")) - 1


def another_model(place: Clone, **settings: object) -> Clone:
    """The clone with another model, all made to match, in the working tree."""
    retrain(place, **(settings or {"seed": 5, "linear.alpha": 0.0001}))
    relock(place)
    return place


def test_without_such_a_base_there_is_no_judgement(clone: Clone) -> None:
    """On the command line: exit code 2 for an unknown revision, named, with the way out for a first run."""
    process = clone.try_run("python", "-I", "-m", "verdict", "gate", "--base", "no-such-branch")
    assert process.returncode == 2, process.stdout
    assert "no-such-branch: no such revision here" in process.stdout
    assert "--bootstrap" in process.stdout


@pytest.mark.parametrize("option", ["--base", "--candidate"])
@pytest.mark.parametrize("name", ["", "--upload-pack=true", "HEAD:README.md", "main..HEAD", "x\ny"])
def test_odd_names_of_revisions_are_no_revisions(clone: Clone, runner: ReviewRunner, option: str, name: str) -> None:
    """A value that is not the name of one commit, such as an unset variable, gives exit code 2."""
    outcome = runner.gate(clone, f"{option}={name}")
    assert outcome.code == 2, outcome.text
    assert "floor:" not in outcome.text


POLICIES: dict[str, tuple[Callable[[Clone], object], str]] = {
    "none": (
        lambda place: place.write_params({k: v for k, v in place.params().items() if k != "gate"}),
        "has no group gate",
    ),
    "a typo": (lambda place: set_params(place, "gate", flors={}), "flors: unknown key"),
    "an unknown metric": (
        lambda place: set_params(place, "gate", fail_on_worse={"news": ["weighted_f1", "logloss"]}),
        "fail_on_worse.news.1: no such metric; there is weighted_f1, macro_f1, ",
    ),
    "a group without a metric": (lambda place: set_params(place, "gate", fail_on_worse={"news": []}), "news"),
    "a floor that is no number": (
        lambda place: set_params(place, "gate", floors={"overall": "high"}),
        "floors.overall",
    ),
    "no params at all": (lambda place: (place.path / "params.yaml").unlink(), "params.yaml"),
}


@pytest.mark.parametrize("name", POLICIES)
def test_a_base_without_a_policy_cannot_judge(clone: Clone, runner: ReviewRunner, name: str) -> None:
    """If main has no policy, or an unusable one, the change's own is not used: exit code 2, with main named."""
    change, what = POLICIES[name]
    change(clone)
    clone.commit("Another policy")
    clone.run("git", "checkout", "--quiet", "HEAD~", "--", "params.yaml")
    outcome = runner.gate(clone)
    assert outcome.code == 2, outcome.text
    assert "params.yaml of main" in outcome.reason
    assert what in outcome.text


@pytest.mark.parametrize(
    ("key", "value"), [("fail_on_worse", {"news": ["recall:spam"]}), ("floors", {"overall": {"recall:spam": 0.5}})]
)
def test_a_policy_for_metrics_that_the_data_lacks_cannot_judge(
    clone: Clone, runner: ReviewRunner, key: str, value: object
) -> None:
    """A class that neither side has is no pass, with main and without: exit code 2, and what there is."""
    set_params(clone, "gate", **{key: value})
    clone.commit("Another policy")
    for options in ((), ("--bootstrap",)):
        outcome = runner.gate(clone, *options)
        assert outcome.code == 2, outcome.text
        assert "the data has no recall:spam; there is weighted_f1, " in outcome.reason


@pytest.mark.slow
def test_main_whose_predictions_are_lost_is_reproduced_on_request(clone: Clone, runner: ReviewRunner) -> None:
    """Without main's predictions: exit code 2 and the option that helps; with it main is run, and judged by."""
    delete_output(clone, "data/predictions")
    another_model(clone)
    lost = runner.gate(clone)
    assert lost.code == 2, lost.text
    assert "data/predictions of main" in lost.reason
    assert "--reproduce-base" in lost.text
    found = runner.gate(clone, "--reproduce-base")
    assert found.code in (0, 1), found.text
    assert "worse:overall" in found.text
    assert worktrees(clone) == 1


def test_mains_predictions_come_from_the_remote(clone: Clone, runner: ReviewRunner) -> None:
    """Predictions that the cache lacks are fetched from the remote."""
    shutil.copytree(clone.path / ".dvc/cache/files", clone.path / ".remote/files")
    delete_output(clone, "data/predictions")
    another_model(clone)
    outcome = runner.gate(clone)
    assert outcome.code in (0, 1), outcome.text
    assert "worse:overall" in outcome.text


def test_figures_of_main_that_are_not_its_own_cannot_be_compared_with(clone: Clone, runner: ReviewRunner) -> None:
    """If main's own metrics are made up, nothing is compared with them: exit code 2, with main named."""
    edit_json(clone, edits.EVALUATION, lambda content: content["overall"].update(weighted_f1=0.2))
    clone.commit("Made up")
    clone.run("git", "checkout", "--quiet", "HEAD~", "--", edits.EVALUATION)
    outcome = runner.gate(clone)
    assert outcome.code == 2, outcome.text
    assert "metrics/evaluation.json of main: not the figures of its predictions" in outcome.reason


def crash(*_: object, **__: object) -> object:
    """Fail: this must not be called."""
    raise RuntimeError("the ceiling came down")


@pytest.mark.parametrize(
    ("command", "place"),
    [
        ("gate", "verdict.review.rules.lock.check"),
        ("gate", "verdict.review.command.sides"),
        ("gate", "verdict.review.command.outcome"),
        ("report", "verdict.review.command.review"),
        ("compare", "verdict.review.command.compare"),
    ],
)
def test_a_crash_is_neither_a_pass_nor_a_failure(
    clone: Clone, runner: ReviewRunner, monkeypatch: pytest.MonkeyPatch, command: str, place: str
) -> None:
    """A defect anywhere in the review is exit code 2, with its message."""
    monkeypatch.setattr(place, crash)
    outcome = runner.run(clone, command)
    assert outcome.code == 2, outcome.text
    assert "the ceiling came down" in outcome.text


@pytest.mark.parametrize("error", [OSError(28, "no room"), KeyboardInterrupt(), MemoryError(), RecursionError()])
def test_whatever_breaks_a_review_off_is_no_judgement(
    clone: Clone, runner: ReviewRunner, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """A full disk, an interruption and the like are exit code 2, not the 1 of a failure."""

    def stop(*_: object) -> object:
        raise error

    monkeypatch.setattr("verdict.review.command.review", stop)
    assert runner.gate(clone).code == 2


def test_a_crash_among_the_rules_is_the_reason(
    clone: Clone, runner: ReviewRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A review that crashed holds no verdict: rules that were found so far do not make it pass."""
    monkeypatch.setattr(model_rules, "speed", crash)
    found = runner.judge(clone)
    assert all(rule.passed for rule in found.rules)
    assert found.code == 2
    assert found.reason is not None
    assert "RuntimeError: the ceiling came down" in found.reason.what


def test_what_the_file_system_refuses_is_no_defect(
    clone: Clone, runner: ReviewRunner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full disk or an unreadable file is named with a remedy, and without a traceback."""

    def full(*_: object) -> object:
        raise OSError(28, "No space left on device", "full.json")

    monkeypatch.setattr(model_rules, "speed", full)
    found = runner.judge(clone)
    assert found.headline == "Cannot judge: full.json: No space left on device"
    assert found.reason is not None
    assert "df -h" in found.reason.remedy
    assert "Traceback" not in capsys.readouterr().err


def test_code_that_cannot_be_imported_is_no_judgement(clone: Clone) -> None:
    """On the command line: a change that breaks what the review imports is exit code 2, not the 1 of a worse model."""
    (clone.path / "verdict" / "classifier" / "params" / "__init__.py").write_text(
        "this is no Python\n", encoding="utf-8"
    )
    process = clone.try_run("python", "-I", "-m", "verdict", "gate")
    assert process.returncode == 2, process.stdout


def test_a_commit_is_judged_by_what_it_holds(clone: Clone, runner: ReviewRunner) -> None:
    """`--candidate REV` judges the commit: files of the working tree neither help nor harm it."""
    clone.run("git", "checkout", "--quiet", "-b", "worse")
    another_model(clone, **edits.WORSE).commit("Worse")
    clone.run("git", "checkout", "--quiet", "main")
    judged = runner.gate(clone, "--candidate", "worse")
    assert judged.code == 1, judged.text
    assert "worse:overall" in judged.failed
    assert "lock" not in judged.failed
    edit_json(clone, edits.EVALUATION, lambda content: content["overall"].update(weighted_f1=0.99))
    shutil.rmtree(clone.path / "data" / "predictions")
    assert runner.gate(clone, "--candidate", "main").code == 0
    assert runner.gate(clone).failed == ["lock", "figures"]
    assert worktrees(clone) == 1


def test_work_trees_are_gone_after_a_crash(clone: Clone, runner: ReviewRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A review of a commit that breaks off leaves no work tree behind."""
    monkeypatch.setattr("verdict.review.rules.lock.check", crash)
    assert runner.gate(clone, "--candidate", "HEAD").code == 2
    assert worktrees(clone) == 1


def test_a_commit_keeps_its_runs_under_a_policy_that_asks_for_them(clone: Clone, runner: ReviewRunner) -> None:
    """With `lock: ran` on main, a commit whose every stage ran here passes, as it does as a working tree."""
    set_params(clone, "gate", lock="ran")
    clone.commit("A stricter gate")
    assert runner.gate(clone).failed == []
    outcome = runner.gate(clone, "--candidate", "HEAD")
    assert (outcome.code, outcome.failed) == (0, []), outcome.text


def test_a_worse_model_fails_twice_in_the_same_words(clone: Clone, runner: ReviewRunner) -> None:
    """A worse model fails by `worse:overall`; asked again, the verdict and the JSON of `compare` are the same bytes."""
    another_model(clone, **edits.WORSE)
    first, second = runner.judge(clone), runner.judge(clone)
    assert (first.code, second.code) == (1, 1)
    assert "worse:overall" in [rule.name for rule in first.rules if not rule.passed]
    assert first.headline == second.headline
    files = [clone.path.with_name(f"{number}.json") for number in range(2)]
    codes = [runner.run(clone, "compare", "--json", str(file)).code for file in files]
    assert codes == [0, 0]
    assert files[0].read_bytes() == files[1].read_bytes()
    found = json.loads(files[0].read_text(encoding="utf-8"))
    assert next(line["verdict"] for line in found["differences"] if line["group"] == "overall") == "worse"
    assert found["candidate"] == f"{found['base']}+"
