"""A pull request of a branch, from push to check and comment, for better, worse and unchanged models."""

import re
from pathlib import Path

from tests.dvc.pipeline.clone import Clone
from tests.dvc.review.edits import set_params
from tests.dvc.review.tampering import cache_path, locked_hash, relock
from tests.workflows.in_process import InProcessProject
from tests.workflows.pull_requests import JUDGED, REPRODUCED, documentation, other_seed, reproduce, top_level, worse


def judged(project: InProcessProject, action: str = "opened", label: str = "") -> str:
    """The newest conclusion, with its title, on a change of which running gives what its author committed."""
    ran = project.experiment(bundle_files=project.honest(), action=action, label=label)
    assert top_level(ran.jobs) == REPRODUCED, ran.log
    told = project.report(ran)
    assert told.jobs == JUDGED, told.log
    conclusion, title = project.checks()[-1]
    return f"{conclusion}: {title}"


def good(clone: Clone) -> None:
    """A good model, honestly reproduced."""
    set_params(clone, "train", class_weight={"neutral": 2.0})
    set_params(clone, "train.linear", alpha=0.000021)  # not main's: that would be no change
    reproduce(clone)


def test_a_worse_model_fails(project: InProcessProject) -> None:
    """The check on the head commit is red, the comment says by how much and shows main and candidate in one plot."""
    head = project.propose(worse)
    assert judged(project).startswith("failure: Fail, worse:overall")
    comment = project.comment()
    assert comment.startswith("<h2>❌ Fail, worse:overall, worse:tweets, ")
    assert ": worse overall and in tweets" in comment.partition("</h2>")[0]
    assert "the same hashes for every stage" in comment
    pictures = project.origin.git("rev-parse", "refs/verdict/pull-1")
    assert f'<img src="https://github.com/owner/verdict/blob/{pictures}/plots_confusion.png?raw=true"' in comment
    assert project.origin.git("cat-file", "-t", f"{pictures}:plots_confusion.png") == "blob"
    assert head[:10] in comment


def test_a_better_model_passes(project: InProcessProject) -> None:
    """A good model passes over a poor main, and the comment claims the improvement."""
    project.clone.run("git", "checkout", "--quiet", "-b", "poor")
    worse(project.clone)
    project.clone.commit("A poor main")
    project.origin.push(project.clone.path, "main")
    project.keep(project.clone, "main")

    project.propose(good)
    assert judged(project).startswith("success: Pass: better overall")
    assert project.comment().startswith("<h2>✅ Pass: better overall")


def test_the_comment_says_how_it_does_against_what_serves(project: InProcessProject, tmp_path: Path) -> None:
    """Main was released, got worse and has not its old results any more: the judge has them from the remote."""
    main = project.clone
    main.run("dvc", "remote", "modify", "local", "url", str(tmp_path / "remote"))
    main.commit("Another remote")
    main.run("dvc", "push", "--quiet")
    main.run("gto", "register", "classifier", "HEAD", "--version", "v1.0.0")
    main.run("gto", "assign", "classifier", "--version", "v1.0.0", "--stage", "production")
    main.run("git", "push", "--quiet", str(project.origin.folder), "--tags")
    old = cache_path(main, locked_hash(main, "data/predictions"))
    worse(main)
    main.commit("A poor main")
    project.origin.push(main.path, "main")
    project.keep(main, "main")
    (project.origin.kept / "main" / old.relative_to(main.path)).unlink()

    def good_otherwise(clone: Clone) -> None:
        set_params(clone, "train", seed=7)
        good(clone)

    project.propose(good_otherwise)
    assert judged(project).startswith("success: Pass: better overall")
    line = re.search("<p>Against .*</p>", project.comment())
    assert line
    assert re.match(r"<p>Against production \(v1\.0\.0\): [\w ]+,? [+−]?0\.\d{4} \[", line[0]), line[0]


def test_a_second_push_updates_the_comment(project: InProcessProject) -> None:
    """Another seed passes without a claim; the verdict on a push on top is on the new head, in the same comment."""
    project.propose(other_seed)
    assert judged(project).startswith("success: Pass:")
    assert "no measurable difference" in project.comment()
    project.propose(documentation)
    assert judged(project, action="synchronize").startswith("success: ")
    assert len(project.checks()) == 1
    assert project.origin.sha("refs/pull/1/head")[:10] in project.comment()
    assert len(project.github.comments(1)) == 1


def test_a_training_that_learns_from_test_rows_fails(project: InProcessProject) -> None:
    """By act: though the change switches isolation off in its own verdict/review/, and its lock is consistent.

    Main's code ran it. The comment names the stage and quotes its log, which is text, whatever it looks like.
    """

    def learns(clone: Clone) -> None:
        path = clone.path / "stages" / "train.py"
        text = path.read_text(encoding="utf-8")
        more = (
            '    print("@everyone </pre><h1>Pass</h1>")\n'
            '    import pandas\n    pandas.read_parquet("data/prepared/test.parquet")\n'
        )
        path.write_text(text.replace("def main() -> None:\n", f"def main() -> None:\n{more}", 1), encoding="utf-8")
        off = "from contextlib import contextmanager\n\n\n@contextmanager\ndef isolated(*_):\n    yield\n"
        (clone.path / "verdict" / "repo" / "isolation" / "sandbox.py").write_text(off, encoding="utf-8")
        relock(clone)

    project.propose(learns)
    ran = project.act.experiment()
    assert top_level(ran.jobs) == {**REPRODUCED, "gpu": "failure"}, ran.log
    assert ran.steps["gpu / reproduce"]["Results for the judge"] == "success"
    judged = project.report(ran)
    assert judged.jobs == JUDGED, judged.log
    assert project.checks() == [("failure", "Fail: stage train failed")]
    comment = project.comment()
    assert "<b>Stage train failed</b>" in comment
    assert "<h1>" not in comment
    log = comment.partition("<pre>")[2].partition("</pre>")[0]
    assert "@everyone &lt;/pre&gt;" in log
    assert "data/prepared/test.parquet" in log


def test_who_edits_the_policy_is_judged_by_mains(project: InProcessProject) -> None:
    """A worse model with floors lowered fails by main's."""

    def rigged(clone: Clone) -> None:
        floors = dict.fromkeys(("overall", "tweets", "movies", "products", "news"), 0.0)
        set_params(clone, "gate", floors=floors, fail_on_worse=[])
        worse(clone)

    project.propose(rigged)
    message = judged(project)
    assert message.startswith("failure: ")
    assert "worse:overall" in message
    assert "policy" in message


def test_who_edits_the_judge_is_judged_by_mains(project: InProcessProject) -> None:
    """By act, run and judge: a worse model with a verdict/review/ that always passes fails by main's."""

    def rigged(clone: Clone) -> None:
        path = clone.path / "verdict" / "review" / "gate.py"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace('"""The exit code."""\n', '"""The exit code."""\n        return PASS\n', 1))
        assert "return PASS\n" in path.read_text(encoding="utf-8")
        worse(clone)

    project.propose(rigged)
    ran = project.act.experiment()
    assert top_level(ran.jobs) == REPRODUCED, ran.log
    told = project.act.report(ran)
    assert told.jobs == JUDGED, told.log
    assert told.steps["publish"]["Comment"] == "success"
    ((conclusion, title),) = project.checks()
    assert conclusion == "failure"
    assert "worse:overall" in title
    assert "policy" not in title
    comment = project.comment()
    assert "This change touches the code that judges" in comment
    pictures = project.origin.git("rev-parse", "refs/verdict/pull-1")
    assert f'<img src="https://github.com/owner/verdict/blob/{pictures}/plots_confusion.png?raw=true"' in comment


def test_an_approval_by_another_person_counts_for_that_commit_alone(project: InProcessProject) -> None:
    """A new floor fails until a person other than its author approves it; after a push it needs approval again."""
    project.propose(lambda clone: set_params(clone, "gate", max_artifact_mb=30.0))
    assert judged(project).startswith("failure: ")
    project.label(1, "approve: policy", actor="author")
    assert judged(project, action="labeled", label="approve: policy").startswith("failure: ")
    project.label(1, "approve: policy", actor="maintainer")
    assert judged(project, action="labeled", label="approve: policy").startswith("success: ")
    project.propose(documentation)
    assert judged(project, action="synchronize").startswith("failure: ")
