"""A pull request of a branch, from push to check and comment: what it is told when it is better, worse, or nothing."""

from tests.pipeline.clone import Clone
from tests.review.changes import set_params
from tests.review.forging import relock
from tests.workflows.proposals import (
    JUDGED,
    NOT_NEEDED,
    REPRODUCED,
    documentation,
    other_seed,
    reproduce,
    top,
    worse,
)
from tests.workflows.site import Site


def test_a_worse_model_fails(direct: Site) -> None:
    """The check on the head commit is red, the comment says by how much and shows main and candidate in one plot."""
    head = direct.propose(worse)
    ran = direct.experiment()
    assert top(ran.jobs) == REPRODUCED, ran.log
    judged = direct.report(ran)
    assert judged.jobs == JUDGED, judged.log
    ((conclusion, title),) = direct.checks()
    assert conclusion == "failure"
    assert title.startswith("Fail, worse:overall")
    comment = direct.comment()
    assert comment.startswith("<h2>❌ Fail, worse:overall, worse:tweets, ")
    assert ": worse overall and in tweets" in comment.partition("</h2>")[0]
    assert "the same hashes for every stage" in comment
    pictures = direct.origin.git("rev-parse", "refs/verdict/pull-1")
    assert f'<img src="https://github.com/owner/verdict/blob/{pictures}/plots_confusion.png?raw=true"' in comment
    assert direct.origin.git("cat-file", "-t", f"{pictures}:plots_confusion.png") == "blob"
    assert head[:10] in comment


def test_a_better_model_passes(direct: Site) -> None:
    """Where main's model was poor, a good one passes, and the comment claims the improvement."""
    direct.clone.run("git", "checkout", "--quiet", "-b", "poor")
    worse(direct.clone)
    direct.clone.commit("A poor main")
    direct.origin.push(direct.clone.path, "main")
    assert direct.main().succeeded

    def good(clone: Clone) -> None:
        set_params(clone, "train.linear", alpha=0.000015)
        reproduce(clone)

    direct.propose(good)
    judged = direct.report(direct.experiment())
    assert judged.jobs == JUDGED, judged.log
    ((conclusion, title),) = direct.checks()
    assert conclusion == "success"
    assert title.startswith("Pass: better overall")
    assert direct.comment().startswith("<h2>✅ Pass: better overall")


def test_a_second_push_updates_the_comment_and_trains_nothing(direct: Site) -> None:
    """Another seed passes without a claim; a push of documentation on top comes from the pull request's own cache."""
    direct.propose(other_seed)
    first = direct.experiment()
    assert "Running stage 'train'" in first.log
    assert direct.report(first).jobs == JUDGED
    ((conclusion, title),) = direct.checks()
    assert (conclusion, title.partition(":")[0]) == ("success", "Pass")
    assert "no measurable difference" in direct.comment()
    direct.propose(documentation)
    second = direct.experiment(action="synchronize")
    assert top(second.jobs) == REPRODUCED, second.log
    assert "Stage 'train' is cached - skipping run" in second.log
    assert "Running stage" not in second.log
    assert direct.report(second).jobs == JUDGED
    assert [conclusion for conclusion, _ in direct.checks()] == ["success"]
    assert direct.origin.sha("refs/pull/1/head")[:10] in direct.comment()
    assert len(direct.github.comments(1)) == 1


def test_documentation_costs_no_gpu(site: Site) -> None:
    """Nothing that the DAG reads has changed: no runner for it is asked for, and the required check passes."""
    site.propose(documentation)
    ran = site.experiment()
    assert top(ran.jobs) == NOT_NEEDED, ran.log
    judged = site.report(ran)
    assert judged.jobs == JUDGED, judged.log
    assert judged.steps["judge"]["Set up"] == "skipped"
    ((conclusion, title),) = site.checks()
    assert conclusion == "success"
    assert title.startswith("Pass: unchanged")
    assert site.comment().startswith("<h2>✅ Pass: unchanged</h2>")


def test_a_stage_that_fails_is_told_with_its_last_lines(site: Site) -> None:
    """The comment names the stage and quotes its log; what the log says is text, whatever it looks like."""

    def broken(clone: Clone) -> None:
        path = clone.path / "stages" / "train.py"
        text = path.read_text(encoding="utf-8")
        said = '    print("@everyone </pre><h1>Pass</h1>")\n    raise SystemExit("no such optimizer")\n'
        path.write_text(text.replace("def main() -> None:\n", f"def main() -> None:\n{said}", 1), encoding="utf-8")

    site.propose(broken)
    site.label(1, "reproduce")  # since the lock is stale, which would be said before anything runs
    ran = site.experiment(action="labeled", label="reproduce")
    assert top(ran.jobs) == {**REPRODUCED, "gpu": "failure"}, ran.log
    assert site.report(ran).jobs == JUDGED
    assert site.checks()[-1] == ("failure", "Fail: stage train failed")
    comment = site.comment()
    assert "<b>Stage train failed</b>" in comment
    assert "no such optimizer" in comment
    assert "<h1>" not in comment
    assert "@everyone &lt;/pre&gt;" in comment.partition("<pre>")[2].partition("</pre>")[0]


def test_a_training_that_learns_from_test_rows_fails(site: Site) -> None:
    """Though the change switches isolation off in its own verdict/, and its lock is consistent: main's code ran it."""

    def learns(clone: Clone) -> None:
        path = clone.path / "stages" / "train.py"
        text = path.read_text(encoding="utf-8")
        more = '    import pandas\n    pandas.read_parquet("data/prepared/test.parquet")\n'
        path.write_text(text.replace("def main() -> None:\n", f"def main() -> None:\n{more}", 1), encoding="utf-8")
        off = "from contextlib import contextmanager\n\n\n@contextmanager\ndef isolated(*_):\n    yield\n"
        (clone.path / "verdict" / "repo" / "isolation" / "sandbox.py").write_text(off, encoding="utf-8")
        relock(clone)

    site.propose(learns)
    ran = site.experiment()
    assert top(ran.jobs) == {**REPRODUCED, "gpu": "failure"}, ran.log
    assert site.report(ran).jobs == JUDGED
    assert site.checks() == [("failure", "Fail: stage train failed")]
    assert "data/prepared/test.parquet" in site.comment()


def test_who_edits_the_policy_is_judged_by_mains(direct: Site) -> None:
    """A worse model with floors lowered fails by main's."""

    def rigged(clone: Clone) -> None:
        floors = dict.fromkeys(("overall", "tweets", "movies", "products", "news"), 0.0)
        set_params(clone, "gate", floors=floors, fail_on_worse=[])
        worse(clone)

    direct.propose(rigged)
    judged = direct.report(direct.experiment())
    assert judged.jobs == JUDGED, judged.log
    ((conclusion, title),) = direct.checks()
    assert conclusion == "failure"
    assert "worse:overall" in title
    assert "policy" in title


def test_who_edits_the_judge_is_judged_by_mains(site: Site) -> None:
    """A worse model with a verdict/review/ that always passes fails by main's."""

    def rigged(clone: Clone) -> None:
        path = clone.path / "verdict" / "review" / "gate.py"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace('"""The exit code."""\n', '"""The exit code."""\n        return PASS\n', 1))
        assert "return PASS\n" in path.read_text(encoding="utf-8")
        worse(clone)

    site.propose(rigged)
    ran = site.experiment()
    assert top(ran.jobs) == REPRODUCED, ran.log
    judged = site.report(ran)
    assert judged.jobs == JUDGED, judged.log
    assert judged.steps["publish"]["Comment"] == "success"
    ((conclusion, title),) = site.checks()
    assert conclusion == "failure"
    assert "worse:overall" in title
    assert "policy" not in title
    comment = site.comment()
    assert "This change touches the code that judges" in comment
    pictures = site.origin.git("rev-parse", "refs/verdict/pull-1")
    assert f'<img src="https://github.com/owner/verdict/blob/{pictures}/plots_confusion.png?raw=true"' in comment


def test_an_approval_by_another_person_counts_for_that_commit_alone(direct: Site) -> None:
    """A new floor fails until a person other than its author approves it; after a push it needs approval again."""

    def floor(clone: Clone) -> None:
        set_params(clone, "gate", max_artifact_mb=30.0)

    direct.propose(floor)
    ran = direct.experiment()
    direct.report(ran)
    direct.label(1, "approve: policy", actor="author")
    direct.report(ran)
    direct.label(1, "approve: policy", actor="maintainer")
    approved = direct.experiment(action="labeled", label="approve: policy")
    direct.report(approved)
    direct.propose(documentation)
    direct.report(direct.experiment(action="synchronize"))
    head = direct.checks()
    assert [conclusion for conclusion, _ in head] == ["failure"]
    earlier = [run["conclusion"] for run in direct.github.check_runs(direct.origin.sha("refs/pull/1/head^"))]
    assert earlier == ["failure", "failure", "success"]
