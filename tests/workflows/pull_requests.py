"""Changes that pull requests propose, and results of jobs that tests expect."""

from collections.abc import Mapping
from pathlib import Path

from tests.dvc.pipeline.clone import Clone
from tests.dvc.review.edits import PREDICTED, edit_table, labels, rescore, set_params
from tests.dvc.review.tampering import relock
from verdict.repo.lock.contents import hash_of

# Job results of report.yml and experiment.yml without a failure.
JUDGED = {"judge": "success", "publish": "success", "commit-lock": "skipped"}
REPRODUCED = {"plan": "success", "gpu": "success", "fork": "skipped"}
NOT_NEEDED = {"plan": "success", "gpu": "skipped", "fork": "skipped"}


def top_level(jobs: Mapping[str, str]) -> dict[str, str]:
    """Job results of a workflow, without jobs of called workflows."""
    return {name: result for name, result in jobs.items() if " / " not in name}


def reproduce(clone: Clone) -> None:
    """Run `verdict repro`, as an author does before the commit."""
    clone.run("python", "-I", "-m", "verdict", "repro")


def worse(clone: Clone) -> None:
    """Reproduce a much worse model."""
    set_params(clone, "train", class_weight={"neutral": 1e4})
    reproduce(clone)


def other_seed(clone: Clone) -> None:
    """Reproduce an equally good model of another seed."""
    set_params(clone, "train", seed=7)
    reproduce(clone)


def fill_author_cache(author: Clone) -> None:
    """Run `worse` and `other_seed` once: later runs come from the author's cache, which no workflow sees."""
    for change in (worse, other_seed):
        change(author)
        author.run("git", "reset", "--quiet", "--hard")
    author.run("dvc", "checkout", "--force")


def perfect_predictions(clone: Clone) -> None:
    """Forge the predictions of a perfect model, with matching metrics, hashes and cache."""
    names = labels(clone)
    edit_table(clone, PREDICTED, lambda table: table.assign(**{name: table["label"].eq(name) * 1.0 for name in names}))
    rescore(clone)
    relock(clone)


def documentation(clone: Clone) -> None:
    """Add a document, which no stage reads."""
    (clone.path / "docs" / "new.md").write_text("A page.\n", encoding="utf-8")


def lock_entry(path: Path) -> str:
    """The lines of dvc.lock for the current content of a dependency."""
    return f"md5: {hash_of(path)}\n      size: {path.stat().st_size}\n"
