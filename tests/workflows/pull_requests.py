"""What people propose in the tests of the workflows, and how the jobs of a run end."""

from collections.abc import Mapping
from pathlib import Path

from tests.dvc.pipeline.clone import Clone
from tests.dvc.review.edits import PREDICTED, edit_table, labels, rescore, set_params
from tests.dvc.review.tampering import relock
from verdict.repo.lock.check import hash_of

# The results of the jobs of report.yml and experiment.yml where all goes its way.
JUDGED = {"judge": "success", "publish": "success", "commit-lock": "skipped"}
REPRODUCED = {"plan": "success", "gpu": "success", "fork": "skipped"}
NOT_NEEDED = {"plan": "success", "gpu": "skipped", "fork": "skipped"}


def top_level(jobs: Mapping[str, str]) -> dict[str, str]:
    """The results of the jobs of a workflow, without those of the workflows that it calls."""
    return {name: result for name, result in jobs.items() if " / " not in name}


def reproduce(clone: Clone) -> None:
    """What an author does before the commit."""
    clone.run("python", "-I", "-m", "verdict", "repro")


def worse(clone: Clone) -> None:
    """A model that learns next to nothing, honestly reproduced."""
    set_params(clone, "train", class_weight={"neutral": 1e4})
    reproduce(clone)


def other_seed(clone: Clone) -> None:
    """As good a model, honestly reproduced."""
    set_params(clone, "train", seed=7)
    reproduce(clone)


def fill_author_cache(author: Clone) -> None:
    """The author has tried these two before: an author's cache, which no run of a workflow sees, saves time here."""
    for change in (worse, other_seed):
        change(author)
        author.run("git", "reset", "--quiet", "--hard")
    author.run("dvc", "checkout", "--force")


def perfect_predictions(clone: Clone) -> None:
    """The predictions of a perfect model in place of the true ones, and figures, hashes and cache to match."""
    names = labels(clone)
    edit_table(clone, PREDICTED, lambda table: table.assign(**{name: table["label"].eq(name) * 1.0 for name in names}))
    rescore(clone)
    relock(clone)


def documentation(clone: Clone) -> None:
    """A change that no stage can see."""
    (clone.path / "docs" / "new.md").write_text("A page.\n", encoding="utf-8")


def lock_entry(path: Path) -> str:
    """What dvc.lock says of a file that a stage reads, as it is now."""
    return f"md5: {hash_of(path)}\n      size: {path.stat().st_size}\n"
