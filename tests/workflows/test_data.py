"""Data in a pull request: the judge derives all tables by main's code, whatever the change's code writes."""

from tests.dvc.ci.test_run import PREPARE
from tests.dvc.ci.test_run import copying as copy_test_rows
from tests.dvc.pipeline.clone import Clone
from tests.dvc.review.test_gate_data import add_rows
from tests.workflows.bundles import Files
from tests.workflows.in_process import InProcessProject
from tests.workflows.pull_requests import JUDGED, REPRODUCED, lock_entry, reproduce, top_level


def judged(project: InProcessProject, bundle_files: Files, action: str = "opened", label: str = "") -> str:
    """The newest conclusion, with its title, after a run that gave this."""
    ran = project.experiment(bundle_files=bundle_files, action=action, label=label)
    assert top_level(ran.jobs) == REPRODUCED, ran.log
    told = project.report(ran)
    assert told.jobs == JUDGED, told.log
    conclusion, title = project.checks()[-1]
    return f"{conclusion}: {title}"


def test_added_rows_pass_without_a_label(project: InProcessProject) -> None:
    """A pull request that adds rows to every split passes, and the comment has a line on the new test sentences."""

    def more(clone: Clone) -> None:
        add_rows(clone)
        reproduce(clone)

    project.propose(more)
    assert judged(project, project.honest()).startswith("success: ")
    comment = project.comment()
    assert "nobody has approved yet, and no rule is asked of: weighted F1" in comment
    assert "main&#x27;s code derives them from the change&#x27;s raw data" in comment
    assert '<td align="left">test</td><td align="left">added</td>' in comment


def test_a_prepare_that_copies_test_rows_needs_a_label(project: InProcessProject) -> None:
    """Lines in `prepare` that copy test rows to train, with a word added, are not run without approval."""
    by_main: Files = {}

    def copying(clone: Clone) -> None:
        path = clone.path / PREPARE
        before = lock_entry(path)
        copy_test_rows(clone)
        # Main's code makes main's tables, whatever this file has (tests/dvc/ci/test_run.py).
        by_main.update(project.honest("HEAD"))
        by_main["dvc.lock"] = by_main["dvc.lock"].replace(before.encode(), lock_entry(path).encode())
        reproduce(clone)

    project.propose(copying)
    message = judged(project, by_main)
    assert message.startswith("failure: Fail, reproduced (running gave another dvc.lock)")
    project.label(1, "approve: data")
    assert judged(project, project.honest(), action="labeled", label="approve: data").startswith("success: ")
    assert '<td align="left">train</td><td align="left">added</td>' in project.comment()


def test_a_list_of_approved_rows_alone_is_judged(project: InProcessProject) -> None:
    """A pull request that takes a line out of data/test-set.txt and nothing else runs, and fails by `data`."""

    def shortened(clone: Clone) -> None:
        path = clone.path / "data" / "test-set.txt"
        path.write_text("\n".join(path.read_text(encoding="utf-8").splitlines()[:-1]) + "\n", encoding="utf-8")

    project.propose(shortened)
    message = judged(project, project.honest())
    assert message.startswith("failure: Fail, data (1 test row would be approved no more)")
