"""The changed files that can affect a result."""

import pytest

from tests.dvc.ci import repository as plumbing
from tests.dvc.ci.repository import Repository
from verdict.base.documents import dump
from verdict.repo.changed_files import affecting_results
from verdict.repo.revisions import resolve

repository = plumbing.repository


def changed(repository: Repository) -> list[str]:
    """The affecting files of a commit of everything that was written."""
    repository.commit()
    return affecting_results(resolve(repository.path, "main"), resolve(repository.path, "HEAD"))


@pytest.mark.parametrize(
    "path",
    [
        *("docs/a.md", "docs/pictures/a.png", "README.md", "review/notes.md", "LICENSE", ".github/CODEOWNERS"),
        *("CITATION.cff", ".github/dependabot.yml", ".pre-commit-config.yaml", ".devcontainer/devcontainer.json"),
        *("tests/conftest.py", "tests/dvc/test_gate.py", "benchmarks/review.py", "dev/imports.py", "sweeps/bag.yaml"),
    ],
)
def test_what_cannot_matter_is_not_in_it(repository: Repository, path: str) -> None:
    """Documentation, tests, benchmarks, spec files of sweeps and settings for people leave every result as it is."""
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
        # In a folder of what is harmless, too.
        *("docs/dvc.yaml", "tests/.gitattributes", "docs/.dvcignore", "docs/data.dvc"),
        # Nothing names these.
        *(
            "bottleneck.py",
            "sitecustomize.py",
            "x.pth",
            "pandas/__init__.py",
            "stages/other.py",
            "verdict/classifier/new.py",
        ),
        *(
            "verdict/review/gate.py",
            "verdict/review/report/templates/report.md.j2",
            "verdict/ci/sweep/templates/winner.md.j2",
            ".github/workflows/x.yml",
            ".github/actions/setup/action.yml",
            "Makefile",
        ),
        *("requirements.txt", "requirements/encoder.txt", "pyproject.toml", "install/verdict_finder.py"),
        *(".devcontainer/x.py", ".github/x.yml", "a/CITATION.cff", "a/.pre-commit-config.yaml"),
        *("sweeps/more/a.yaml", "docs.py", "a.md.py", "README.MD", ".gitmodules", ".gitignore", "Dockerfile.gpu"),
    ],
)
def test_anything_else_is_in_it(repository: Repository, path: str) -> None:
    """Inputs, outputs and definitions of the DAG can affect a result, and so can files not listed as harmless."""
    repository.branch("change")
    repository.put(path, "new: 1\n")
    assert changed(repository) == [path]


def test_a_file_inside_a_folder_that_a_stage_reads_is_in_it(repository: Repository) -> None:
    """A dependency may be a folder."""
    text = (repository.path / "dvc.lock").read_text().replace("path: stages/train.py", "path: docs")
    repository.put("dvc.lock", text)
    repository.commit()
    repository.branch("change")
    repository.put("docs/deep/new.md", "new\n")
    assert changed(repository) == ["docs/deep/new.md"]


@pytest.mark.parametrize("path", ["docs/more.yaml", "docs/all.yaml", "docs/some.json", "docs/own.toml"])
def test_a_file_of_params_or_variables_is_in_it(repository: Repository, path: str) -> None:
    """Params may be in other files than params.yaml, variables of the DAG or of a stage in further files."""
    lock = (repository.path / "dvc.lock").read_text()
    repository.put("dvc.lock", f"{lock}    params:\n      docs/more.yaml:\n        a: 1\n")
    variables = "vars: [docs/all.yaml, 'docs/some.json:a,b', {c: 1}]"
    repository.put("dvc.yaml", f"{variables}\nstages: {{train: {{vars: [docs/own.toml]}}}}\n")
    repository.commit()
    repository.branch("change")
    repository.put(path, "{}\n")
    repository.put("docs/other.yaml", "{}\n")
    assert changed(repository) == [path]


@pytest.mark.parametrize(
    "stage", ["{wdir: docs, vars: [own.yaml]}", "{foreach: [1], do: {wdir: docs, vars: [own.yaml]}}"]
)
def test_variables_of_a_stage_lie_where_it_runs(repository: Repository, stage: str) -> None:
    """A stage's own file of variables counts from its working folder, and in a template of stages, too."""
    repository.put("dvc.yaml", f"stages: {{train: {stage}}}\n")
    repository.commit()
    repository.branch("change")
    repository.put("docs/own.yaml", "a: 1\n")
    assert changed(repository) == ["docs/own.yaml"]


def test_without_a_lock_everything_may_matter(repository: Repository) -> None:
    """Without a dvc.lock, no changed file counts as harmless."""
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


def with_lock(repository: Repository, folder: str, wdir: str, *deps: str) -> None:
    """On main, a dvc.yaml with its lock of one stage, in a folder, that runs in a folder from there."""
    stage = {"cmd": "true", "wdir": wdir}
    repository.put(f"{folder}dvc.yaml", dump({"stages": {"one": stage}}))
    entry = {"cmd": "true", "deps": [{"path": path, "md5": "0" * 32} for path in deps]}
    repository.put(f"{folder}dvc.lock", dump({"schema": "2.0", "stages": {"one": entry}}))


@pytest.mark.parametrize(("folder", "wdir"), [("", "docs"), ("docs/", "."), ("", "${where}")])
def test_paths_of_a_lock_count_from_where_its_stage_runs(repository: Repository, folder: str, wdir: str) -> None:
    """A stage with another working folder, and one of a dvc.yaml in a sub-folder; a variable may mean any folder."""
    with_lock(repository, folder, wdir, "in.md")
    repository.put("docs/in.md", "1\n")
    repository.commit()
    repository.branch("change")
    repository.put("docs/in.md", "2\n")
    assert changed(repository) == ["docs/in.md"]


def test_what_a_link_leads_to_is_in_it(repository: Repository) -> None:
    """The targets of links count: of links that are dependencies, in them, above them, chained, and of code."""
    with_lock(repository, "", ".", "docs/link.md", "docs/held", "docs/way/in.md")
    links = {"link.md": "second.md", "second.md": "a.md", "held/x.md": "../b.md", "way": "c"}
    for link, target in {**{f"docs/{name}": to for name, to in links.items()}, "lib/new.py": "../docs/d.md"}.items():
        (repository.path / link).parent.mkdir(exist_ok=True)
        (repository.path / link).symlink_to(target)
    names = ["docs/a.md", "docs/b.md", "docs/c/in.md", "docs/d.md"]
    for name in names:
        repository.put(name, "1\n")
    repository.commit()
    repository.branch("change")
    for name in [*names, "docs/e.md"]:
        repository.put(name, "2\n")
    assert changed(repository) == names


def test_a_submodule_is_in_it_unless_its_place_is_harmless(repository: Repository) -> None:
    """Another commit of a submodule is other code; below docs/ it counts where a stage reads from it."""
    with_lock(repository, "", ".", "docs/read/in.md")

    def at(commit: str) -> None:
        for name in ("lib", "docs/read", "docs/theme"):
            repository.git("update-index", "--add", "--cacheinfo", f"160000,{commit * 40},{name}")
        repository.git("commit", "--quiet", "--message", f"Submodules at {commit}")

    repository.commit()
    at("1")
    repository.git("branch", "--force", "before")
    at("2")
    found = affecting_results(resolve(repository.path, "before"), resolve(repository.path, "HEAD"))
    assert found == ["docs/read", "lib"]
