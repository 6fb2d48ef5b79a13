"""A pull request of a branch, from push to check and comment: what it is told when it is better, worse, or nothing."""

from tests.pipeline.clone import Clone
from tests.review.changes import set_params
from tests.workflows.site import Site

JUDGED = {"judge": "success", "publish": "success", "commit-lock": "skipped"}
REPRODUCED = {"plan": "success", "gpu": "success", "fork": "skipped"}


def worse(clone: Clone) -> None:
    """A model that learns next to nothing, honestly reproduced."""
    set_params(clone, "train.linear", alpha=10.0)
    clone.run("python", "-m", "review", "repro")


def other_seed(clone: Clone) -> None:
    """As good a model, honestly reproduced."""
    set_params(clone, "train", seed=7)
    clone.run("python", "-m", "review", "repro")


def top(jobs: object) -> dict[str, str]:
    """The results of the jobs of a workflow, without those of the workflows that it calls."""
    return {name: result for name, result in dict(jobs).items() if " / " not in name}  # type: ignore[call-overload]


def test_a_worse_model_fails(site: Site) -> None:
    """The check on the head commit is red, the comment says by how much and shows main and candidate in one plot."""
    site.propose(worse)
    ran = site.experiment()
    assert top(ran.jobs) == REPRODUCED, ran.log
    judged = site.report(ran)
    assert judged.jobs == JUDGED, judged.log
    assert judged.steps["publish"]["Comment"] == "success"
    ((conclusion, title),) = site.checks()
    assert conclusion == "failure"
    assert title.startswith("Fail (")
    assert "worse:overall" in title
    comment = site.comment()
    assert comment.startswith("<h2>❌ Fail: worse overall")
    assert "the same hashes for every stage" in comment
    assert '<img src="https://github.com/owner/verdict/blob/' in comment
    assert "plots_confusion.png?raw=true" in comment


def test_nothing_measurable_passes(site: Site) -> None:
    """Another seed passes, in words that claim no improvement."""
    site.propose(other_seed)
    judged = site.report(site.experiment())
    assert judged.jobs == JUDGED, judged.log
    ((conclusion, title),) = site.checks()
    assert (conclusion, title.partition(":")[0]) == ("success", "Pass")
    assert "no measurable difference" in site.comment()
