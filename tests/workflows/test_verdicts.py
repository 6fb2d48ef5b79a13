"""A pull request of a branch, from push to check and comment: what it is told when it is better, worse, or nothing."""

import re
from pathlib import Path

from tests.dvc.pipeline.clone import Clone
from tests.dvc.review.changes import set_params
from tests.dvc.review.forging import cached, locked, relock
from tests.workflows.direct import Direct
from tests.workflows.proposals import JUDGED, REPRODUCED, documentation, other_seed, reproduce, top, worse


def judged(site: Direct, action: str = "opened", label: str = "") -> str:
    """The newest conclusion, with its title, on a change of which running gives what its author committed."""
    ran = site.experiment(gives=site.honest(), action=action, label=label)
    assert top(ran.jobs) == REPRODUCED, ran.log
    told = site.report(ran)
    assert told.jobs == JUDGED, told.log
    conclusion, title = site.checks()[-1]
    return f"{conclusion}: {title}"


def good(clone: Clone) -> None:
    """A good model, honestly reproduced."""
    set_params(clone, "train", class_weight={"neutral": 2.0})
    set_params(clone, "train.linear", alpha=0.000021)  # not main's: that would be no change
    reproduce(clone)


def test_a_worse_model_fails(site: Direct) -> None:
    """The check on the head commit is red, the comment says by how much and shows main and candidate in one plot."""
    head = site.propose(worse)
    assert judged(site).startswith("failure: Fail, worse:overall")
    comment = site.comment()
    assert comment.startswith("<h2>❌ Fail, worse:overall, worse:tweets, ")
    assert ": worse overall and in tweets" in comment.partition("</h2>")[0]
    assert "the same hashes for every stage" in comment
    pictures = site.origin.git("rev-parse", "refs/verdict/pull-1")
    assert f'<img src="https://github.com/owner/verdict/blob/{pictures}/plots_confusion.png?raw=true"' in comment
    assert site.origin.git("cat-file", "-t", f"{pictures}:plots_confusion.png") == "blob"
    assert head[:10] in comment


def test_a_better_model_passes(site: Direct) -> None:
    """Where main's model was poor, a good one passes, and the comment claims the improvement."""
    site.clone.run("git", "checkout", "--quiet", "-b", "poor")
    worse(site.clone)
    site.clone.commit("A poor main")
    site.origin.push(site.clone.path, "main")
    site.keep(site.clone, "main")

    site.propose(good)
    assert judged(site).startswith("success: Pass: better overall")
    assert site.comment().startswith("<h2>✅ Pass: better overall")


def test_the_comment_says_how_it_does_against_what_serves(site: Direct, tmp_path: Path) -> None:
    """Main was released, got worse and has not its old results any more: the judge has them from the remote."""
    main = site.clone
    main.run("dvc", "remote", "modify", "local", "url", str(tmp_path / "remote"))
    main.commit("Another remote")
    main.run("dvc", "push", "--quiet")
    main.run("gto", "register", "classifier", "HEAD", "--version", "v1.0.0")
    main.run("gto", "assign", "classifier", "--version", "v1.0.0", "--stage", "production")
    main.run("git", "push", "--quiet", str(site.origin.folder), "--tags")
    old = cached(main, locked(main, "data/predictions"))
    worse(main)
    main.commit("A poor main")
    site.origin.push(main.path, "main")
    site.keep(main, "main")
    (site.origin.kept / "main" / old.relative_to(main.path)).unlink()

    def good_otherwise(clone: Clone) -> None:
        set_params(clone, "train", seed=7)
        good(clone)

    site.propose(good_otherwise)
    assert judged(site).startswith("success: Pass: better overall")
    line = re.search("<p>Against .*</p>", site.comment())
    assert line
    assert re.match(r"<p>Against production \(v1\.0\.0\): [\w ]+,? [+−]?0\.\d{4} \[", line[0]), line[0]


def test_a_second_push_updates_the_comment(site: Direct) -> None:
    """Another seed passes without a claim; the verdict on a push on top is on the new head, in the same comment."""
    site.propose(other_seed)
    assert judged(site).startswith("success: Pass:")
    assert "no measurable difference" in site.comment()
    site.propose(documentation)
    assert judged(site, action="synchronize").startswith("success: ")
    assert len(site.checks()) == 1
    assert site.origin.sha("refs/pull/1/head")[:10] in site.comment()
    assert len(site.github.comments(1)) == 1


def test_a_training_that_learns_from_test_rows_fails(site: Direct) -> None:
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

    site.propose(learns)
    ran = site.act.experiment()
    assert top(ran.jobs) == {**REPRODUCED, "gpu": "failure"}, ran.log
    assert ran.steps["gpu / reproduce"]["Results for the judge"] == "success"
    judged = site.report(ran)
    assert judged.jobs == JUDGED, judged.log
    assert site.checks() == [("failure", "Fail: stage train failed")]
    comment = site.comment()
    assert "<b>Stage train failed</b>" in comment
    assert "<h1>" not in comment
    log = comment.partition("<pre>")[2].partition("</pre>")[0]
    assert "@everyone &lt;/pre&gt;" in log
    assert "data/prepared/test.parquet" in log


def test_who_edits_the_policy_is_judged_by_mains(site: Direct) -> None:
    """A worse model with floors lowered fails by main's."""

    def rigged(clone: Clone) -> None:
        floors = dict.fromkeys(("overall", "tweets", "movies", "products", "news"), 0.0)
        set_params(clone, "gate", floors=floors, fail_on_worse=[])
        worse(clone)

    site.propose(rigged)
    said = judged(site)
    assert said.startswith("failure: ")
    assert "worse:overall" in said
    assert "policy" in said


def test_who_edits_the_judge_is_judged_by_mains(site: Direct) -> None:
    """By act, run and judge: a worse model with a verdict/review/ that always passes fails by main's."""

    def rigged(clone: Clone) -> None:
        path = clone.path / "verdict" / "review" / "gate.py"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace('"""The exit code."""\n', '"""The exit code."""\n        return PASS\n', 1))
        assert "return PASS\n" in path.read_text(encoding="utf-8")
        worse(clone)

    site.propose(rigged)
    ran = site.act.experiment()
    assert top(ran.jobs) == REPRODUCED, ran.log
    told = site.act.report(ran)
    assert told.jobs == JUDGED, told.log
    assert told.steps["publish"]["Comment"] == "success"
    ((conclusion, title),) = site.checks()
    assert conclusion == "failure"
    assert "worse:overall" in title
    assert "policy" not in title
    comment = site.comment()
    assert "This change touches the code that judges" in comment
    pictures = site.origin.git("rev-parse", "refs/verdict/pull-1")
    assert f'<img src="https://github.com/owner/verdict/blob/{pictures}/plots_confusion.png?raw=true"' in comment


def test_an_approval_by_another_person_counts_for_that_commit_alone(site: Direct) -> None:
    """A new floor fails until a person other than its author approves it; after a push it needs approval again."""
    site.propose(lambda clone: set_params(clone, "gate", max_artifact_mb=30.0))
    assert judged(site).startswith("failure: ")
    site.label(1, "approve: policy", actor="author")
    assert judged(site, action="labeled", label="approve: policy").startswith("failure: ")
    site.label(1, "approve: policy", actor="maintainer")
    assert judged(site, action="labeled", label="approve: policy").startswith("success: ")
    site.propose(documentation)
    assert judged(site, action="synchronize").startswith("failure: ")
