"""CI does not trust dvc.lock: stale, invented, or false after a merge; on request it writes one."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.dvc.pipeline.clone import Clone
from tests.dvc.review.edits import set_params
from tests.shared import once
from tests.workflows import outcome
from tests.workflows.api.state import REPOSITORY, ROUTES, Answer, Request, State
from tests.workflows.conftest import copy_of_project
from tests.workflows.in_process import InProcessProject
from tests.workflows.outcome import Outcome
from tests.workflows.pull_requests import (
    JUDGED,
    REPRODUCED,
    documentation,
    other_seed,
    perfect_predictions,
    reproduce,
    top_level,
    worse,
)
from verdict.repo.lock.contents import hash_of

_LOCK_APP = "verdict-lock[bot]"
_COMMITTED = {**JUDGED, "commit-lock": "success"}


OF_KINDS = "verdict/classifier/training/loop.py"


def without_gpu(clone: Clone) -> None:
    """Change the seed without a run: dvc.lock is stale."""
    set_params(clone, "train", seed=7)


def bag(clone: Clone) -> None:
    """The other kind of model, as good as main's, honestly reproduced."""
    set_params(clone, "train", model="bag")
    set_params(clone, "train.bag", learning_rate=0.03, epochs=20, batch_size=16)
    reproduce(clone)


def other_bag(clone: Clone) -> None:
    """Other code for the kinds of model that main does not use, which leaves all its results as they are."""
    path, lock = clone.path / OF_KINDS, clone.path / "dvc.lock"
    line = "    limits = getattr(params, params.model)\n"
    before, text = _room(path.parent), path.read_text(encoding="utf-8")
    assert line in text
    more = "    limits = limits.model_copy(update={'epochs': 3}) if params.model == 'bag' else limits\n"
    path.write_text(text.replace(line, line + more), encoding="utf-8")
    # By hand: DVC's own way needs all data, and writes the same.
    lock.write_text(lock.read_text(encoding="utf-8").replace(before, _room(path.parent)), encoding="utf-8")


def _room(folder: Path) -> str:
    """A folder as dvc.lock has it."""
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)  # .dvcignore names it
    return f"md5: {hash_of(folder)}\n      size: {sum(file.stat().st_size for file in folder.iterdir())}\n"


def invented(clone: Clone) -> None:
    """A bad model with the predictions of a perfect one, and figures, hashes and cache to match."""
    worse(clone)
    perfect_predictions(clone)


def test_a_stale_lock_ends_early_and_names_stage_and_key(project: InProcessProject) -> None:
    """The first job says which command mends it; nothing is reproduced, and the check says what is stale."""
    project.propose(without_gpu)
    ran = project.experiment()
    assert top_level(ran.jobs) == {"plan": "failure", "gpu": "skipped", "fork": "skipped"}, ran.log
    assert "mend: dvc repro train" in ran.logs["plan"]
    assert "make repro, and commit dvc.lock" in ran.logs["plan"]
    judged = project.report(ran)
    assert judged.jobs == JUDGED, judged.log
    assert project.checks() == [("failure", "Fail: dvc.lock is stale (train: params.yaml, train.seed)")]
    comment = project.comment()
    assert comment.startswith("<h2>❌ Fail: dvc.lock is stale</h2>")
    assert "train: params.yaml, train.seed" in comment
    assert "dvc repro train" in comment
    assert "The label <code>reproduce</code>" in comment


def test_an_invented_lock_is_not_the_candidate(project: InProcessProject) -> None:
    """It is consistent, so the stages run from main's; the invented metrics appear only beside the true ones."""
    project.propose(invented)
    ran = project.experiment()
    assert top_level(ran.jobs) == REPRODUCED, ran.log
    assert "Running stage 'evaluate'" in ran.log
    judged = project.report(ran)
    assert judged.jobs == JUDGED, judged.log
    ((conclusion, title),) = project.checks()
    assert conclusion == "failure"
    assert title.startswith("Fail, reproduced (running gave another dvc.lock), ")
    assert "worse:overall" in title
    comment = project.comment()
    assert comment.startswith("<h2>❌ Fail, reproduced (running gave another dvc.lock), ")
    assert ": worse overall" in comment.partition("</h2>")[0]
    assert "accuracy: committed 1.0000, reproduced 0." in comment
    assert "→ 1.0000" not in comment


def test_two_true_locks_may_merge_into_a_false_one(project: InProcessProject) -> None:
    """GitHub merges text, hashes agree, no run ever gave it: found by running; true once reproduced on the merge."""
    project.propose(bag)
    project.advance(other_bag)
    head = project.origin.pull(1, "change")

    def merged(clone: Clone) -> None:
        clone.run("git", "fetch", "--quiet", str(project.origin.folder), "main")
        process = clone.try_run("git", "merge", "FETCH_HEAD")
        assert "CONFLICT (content): Merge conflict in dvc.lock" in process.stdout, ".gitattributes asks for it"
        reproduce(clone)

    merged(project.clone)
    bundle_files = project.honest("HEAD")  # a run of GitHub's merge would give what the author now has
    ran = project.experiment(bundle_files=bundle_files)
    assert top_level(ran.jobs) == REPRODUCED, ran.log
    judged = project.report(ran)
    assert judged.jobs == JUDGED, judged.log
    ((conclusion, title),) = project.checks()
    assert (conclusion, title.partition(":")[0]) == ("failure", "Fail, reproduced (running gave another dvc.lock)")
    assert "differences, the first: train: " in project.comment()
    assert project.propose(lambda clone: None) != head
    judged = project.report(project.experiment(action="synchronize", bundle_files=bundle_files))
    assert judged.jobs == JUDGED, judged.log
    ((conclusion, title),) = project.checks()
    assert (conclusion, title.partition(":")[0]) == ("success", "Pass")


def test_main_that_moves_before_the_judge_is_what_counts(project: InProcessProject) -> None:
    """Documentation changes nothing; what the DAG reads makes the results those of another merge, until it is run."""
    project.propose(other_seed)
    ran = project.experiment(bundle_files=project.honest())
    project.advance(documentation)
    project.report(ran)
    ((conclusion, _),) = project.checks()
    assert conclusion == "success"
    project.advance(other_bag)
    judged = project.report(ran)
    assert judged.jobs == JUDGED, judged.log
    conclusion, title = project.checks()[-1]
    assert conclusion == "failure"
    assert title.startswith("Fail, reproduced (running gave another dvc.lock), lock (")
    assert "verdict/classifier/training" in project.comment()
    project.origin.pull(1, "change")
    # What the merge holds is true: the code that main has by now makes no difference to this model.
    of_merge = {
        **project.honest(),
        "dvc.lock": project.origin.git("show", "refs/pull/1/merge:dvc.lock").encode() + b"\n",
    }
    project.report(project.experiment(action="reopened", bundle_files=of_merge))
    assert project.checks()[-1][0] == "success"


@dataclass(frozen=True)
class ReproducedPull:
    """A pull request whose stale head CI reproduced."""

    project: InProcessProject
    ran: Outcome
    head: str

    def history(self, *happened: str) -> None:
        """Pushes of the `earlier` commit and of the `head`, and the `label`; then the run that is to be judged."""
        pushed = {"earlier": self.project.origin.sha("main"), "head": self.head}
        github = self.project.github
        for what in happened:
            if what == "label":
                self.project.label(1, "reproduce")
            else:
                run, at = github.state.next_id(), self.project.now()
                github.run(run, head_sha=pushed[what], head_branch="change", conclusion="failure", created_at=at)
        self.project.register_run(self.ran, self.head, "change", self.project.now())

    def report(self) -> Outcome:
        """report.yml for that run."""
        return self.project.report(self.ran)


@pytest.fixture(scope="module")
def reproduced_once(base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A stale head, reproduced by act since a maintainer asked for it; run once, `asked` is a copy."""

    def build(folder: Path) -> None:
        with copy_of_project(base, folder) as project:
            project.propose(without_gpu)
            project.label(1, "reproduce")
            project.act.experiment(action="labeled", label="reproduce").save(folder / "run.json")

    folder = once(tmp_path_factory.getbasetemp(), "asked", build)
    return folder / "site", outcome.load(folder / "run.json")


@pytest.fixture
def asked(reproduced_once: tuple[Path, Outcome], tmp_path: Path) -> Iterator[ReproducedPull]:
    """That pull request, with an App for the commit."""
    folder, ran = reproduced_once
    assert top_level(ran.jobs) == REPRODUCED, ran.log
    with copy_of_project(folder, tmp_path) as project:
        project.github.pull(1, "change")["created_at"] = project.now()
        project.variables["LOCK_CLIENT_ID"] = "Iv1.lock"
        project.secrets["LOCK_PRIVATE_KEY"] = "key-of-the-app"
        project.env["STANDIN_APP_TOKEN"] = project.github.token("token-of-the-app", {"contents": "write"}, _LOCK_APP)
        yield ReproducedPull(project, ran, project.origin.sha("change"))


def test_ci_commits_the_lock_it_was_asked_for_once(asked: ReproducedPull) -> None:
    """By act: one commit of results alone; its own run, from the first one's cache, trains nothing, and passes."""
    asked.history("earlier", "head", "label")
    project = asked.project
    judged = project.act.report(asked.ran)
    assert judged.jobs == _COMMITTED, judged.log
    assert [conclusion for conclusion, _ in project.checks()] == ["failure"]
    origin = project.origin
    assert origin.sha("change^") == asked.head
    assert origin.git("log", "-1", "--format=%an", "change") == _LOCK_APP
    changed = set(origin.git("diff", "--name-only", "change^", "change").splitlines())
    assert {"dvc.lock", "metrics/evaluation.json", "plots/training.json"} <= changed
    assert all(path.startswith(("dvc.lock", "metrics/", "plots/")) for path in changed)
    origin.pull(1, "change")
    ran = project.act.experiment(action="synchronize")
    assert top_level(ran.jobs) == REPRODUCED, ran.log
    assert "Stage 'train' is cached - skipping run" in ran.log
    assert "Running stage" not in ran.log
    judged = project.report(ran)
    assert judged.jobs == JUDGED, judged.log
    ((conclusion, title),) = project.checks()
    assert (conclusion, title.partition(":")[0]) == ("success", "Pass")
    assert origin.sha("change") == origin.sha("refs/pull/1/head")


def test_a_label_on_an_earlier_head_commits_nothing(asked: ReproducedPull) -> None:
    """A label that was set on another commit lets CI write nothing to this one."""
    asked.history("earlier", "label")
    judged = asked.report()
    assert judged.jobs == JUDGED, judged.log
    assert [conclusion for conclusion, _ in asked.project.checks()] == ["failure"]
    assert asked.project.origin.sha("change") == asked.head


def test_a_push_while_the_judge_works_is_not_overwritten(
    asked: ReproducedPull, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a push just before the commit the job fails and says so, and the branch keeps the push."""
    asked.history("head", "label")
    project = asked.project
    key = ("POST", f"{REPOSITORY}/git/commits")
    pushed: list[str] = []

    def late(state: State, request: Request) -> Answer:
        if request.identity.login == _LOCK_APP:
            project.clone.run("git", "commit", "--quiet", "--allow-empty", "--message", "Meanwhile")
            pushed.append(project.origin.push(project.clone.path, "change"))
        return before.endpoint(state, request)

    before = ROUTES[key]
    monkeypatch.setitem(ROUTES, key, replace(before, endpoint=late))
    judged = asked.report()
    assert judged.jobs == {**JUDGED, "commit-lock": "failure"}, judged.log
    assert "was pushed to meanwhile, nothing was committed" in judged.logs["commit-lock"]
    assert [project.origin.sha("change")] == pushed
