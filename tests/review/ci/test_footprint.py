"""Which changed files can reach a result."""

import pytest

from review.ci.footprint import touched
from review.revisions import resolve
from tests.review.ci import repository as plumbing
from tests.review.ci.repository import Repository

repository = plumbing.repository


def changed(repository: Repository) -> list[str]:
    """What a commit of everything that was written touches."""
    repository.commit()
    return touched(resolve(repository.path, "main"), resolve(repository.path, "HEAD"))


@pytest.mark.parametrize(
    "path", ["docs/a.md", "README.md", "review/gate.py", ".github/workflows/x.yml", "stages/other.py"]
)
def test_a_file_that_no_stage_reads_is_not_in_it(repository: Repository, path: str) -> None:
    """Documentation, the review's own code, and code that no stage names leave every result as it is."""
    repository.branch("change")
    repository.put(path, "new\n")
    assert changed(repository) == []


@pytest.mark.parametrize(
    "path",
    [
        "stages/train.py",
        "metrics/evaluation.json",
        "dvc.lock",
        "dvc.yaml",
        "params.yaml",
        "data/raw.dvc",
        ".dvc/config",
        ".dvc/plots/a.json",
        ".gitattributes",
        "sub/dvc.yaml",
    ],
)
def test_what_the_dag_reads_writes_or_is_defined_by_is_in_it(repository: Repository, path: str) -> None:
    """Dependencies, outputs, params, the DAG itself, pointers to data, DVC's settings and templates."""
    repository.branch("change")
    repository.put(path, "new: 1\n")
    assert changed(repository) == [path]


def test_a_file_inside_a_folder_that_a_stage_reads_is_in_it(repository: Repository) -> None:
    """A dependency may be a folder."""
    text = (repository.path / "dvc.lock").read_text().replace("path: stages/train.py", "path: stages")
    repository.put("dvc.lock", text)
    repository.commit()
    repository.branch("change")
    repository.put("stages/deep/new.py", "new\n")
    assert changed(repository) == ["stages/deep/new.py"]


@pytest.mark.parametrize("path", ["more.yaml", "all.yaml", "some.json", "own.toml"])
def test_a_file_of_params_or_variables_is_in_it(repository: Repository, path: str) -> None:
    """Params may stand in other files than params.yaml, variables of the DAG or of a stage in files of their own."""
    lock = (repository.path / "dvc.lock").read_text()
    repository.put("dvc.lock", f"{lock}    params:\n      more.yaml:\n        a: 1\n")
    repository.put("dvc.yaml", "vars: [all.yaml, 'some.json:a,b', {c: 1}]\nstages: {train: {vars: [own.toml]}}\n")
    repository.commit()
    repository.branch("change")
    repository.put(path, "{}\n")
    repository.put("other.yaml", "{}\n")
    assert changed(repository) == [path]


def test_without_a_lock_everything_may_matter(repository: Repository) -> None:
    """Where nobody can say what the DAG reads, no change counts as harmless."""
    (repository.path / "dvc.lock").unlink()
    repository.commit()
    repository.branch("change")
    repository.put("docs/a.md", "new\n")
    assert changed(repository) == ["docs/a.md"]


def test_removing_a_dependency_is_in_it(repository: Repository) -> None:
    """A file that is gone differs, too."""
    repository.branch("change")
    (repository.path / "stages/train.py").unlink()
    assert changed(repository) == ["stages/train.py"]
