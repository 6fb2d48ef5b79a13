"""`verdict release ready`: staging first, and nothing measurably worse than what serves."""

import shutil

import pytest

from tests.dvc.pipeline.clone import Clone
from tests.dvc.review import edits
from tests.dvc.review.edits import ReviewRunner, set_params
from tests.dvc.review.tampering import relock

clone, runner = edits.clone, edits.runner
OLD, NEW = "v1.0.0", "v1.1.0"


def tag(clone: Clone, name: str, revision: str = "HEAD") -> None:
    """A tag as GTO sets it."""
    clone.run("git", "tag", "--annotate", "--message", name, f"classifier{name}", f"{revision}^{{commit}}")


@pytest.fixture
def released(clone: Clone) -> Clone:
    """Two releases, of which the older serves, and the newer has a worse model."""
    tag(clone, f"@{OLD}")
    edits.retrain(clone, **edits.WORSE)
    relock(clone)
    clone.run("dvc", "commit", "--quiet", "--force")
    clone.commit("Worse")
    tag(clone, f"@{NEW}")
    for number, revision in ((1, OLD), (2, NEW)):
        tag(clone, f"#staging#{number}", f"classifier@{revision}")
    tag(clone, "#production#1", f"classifier@{OLD}")
    return clone


def test_what_is_worse_than_what_serves_is_not_ready(released: Clone, runner: ReviewRunner) -> None:
    """By main's policy; a reason lets it through; going back to what is better needs none."""
    found = runner.run(released, "release", "ready", NEW, "--to", "production")
    assert (found.code, found.failed[:1]) == (1, ["worse:overall"]), found.text
    assert f"classifier@{NEW}: measurably worse than classifier@{OLD}, which serves" in found.text
    forced = runner.run(released, "release", "ready", NEW, "--to", "production", "--force", "new labels")
    assert (forced.code, forced.text) == (0, f"classifier@{NEW}: not compared: new labels\n")
    tag(released, "#production#2", f"classifier@{NEW}")
    back = runner.run(released, "release", "ready", OLD, "--to", "production")
    assert (back.code, back.failed) == (0, []), back.text
    set_params(released, "gate", fail_on_worse={})
    released.commit("Another policy")
    tag(released, "#production#3", f"classifier@{OLD}")
    assert runner.run(released, "release", "ready", NEW, "--to", "production").code == 0


def test_production_comes_after_staging(released: Clone, runner: ReviewRunner) -> None:
    """A version that was never on staging is not ready for production, with a reason neither; for staging it is."""
    released.run("git", "tag", "--delete", "classifier#staging#2")
    for reason in ([], ["--force", "in a hurry"]):
        found = runner.run(released, "release", "ready", NEW, "--to", "production", *reason)
        assert (found.code, "was never on staging" in found.text) == (1, True), found.text
    assert runner.run(released, "release", "ready", NEW, "--to", "staging").code == 0


def test_what_was_withdrawn_goes_nowhere(released: Clone, runner: ReviewRunner) -> None:
    """A version that GTO deprecated is not ready, for staging neither."""
    tag(released, f"@{NEW}!#3", f"classifier@{NEW}")
    for environment in ("staging", "production"):
        found = runner.run(released, "release", "ready", NEW, "--to", environment, "--force", "once more")
        assert (found.code, "was withdrawn" in found.text) == (1, True), found.text


def test_the_first_on_production_is_compared_with_nothing(released: Clone, runner: ReviewRunner) -> None:
    """If nothing serves, or this very version does, it is compared with nothing."""
    assert runner.run(released, "release", "ready", OLD, "--to", "production").code == 0
    released.run("git", "tag", "--delete", "classifier#production#1")
    found = runner.run(released, "release", "ready", NEW, "--to", "production")
    assert (found.code, found.text) == (0, f"classifier@{NEW}: not compared: no other release is on production\n")


def test_without_results_nothing_is_ready(released: Clone, runner: ReviewRunner) -> None:
    """If the results of production are lost, the answer is 2, which only a given reason overrides."""
    shutil.rmtree(released.path / ".dvc/cache")
    assert runner.run(released, "release", "ready", NEW, "--to", "production").code == 2
    assert runner.run(released, "release", "ready", NEW, "--to", "production", "--force", "lost").code == 0
