"""The merge as the judge computes it, and what of a stranger's tree is never taken over."""

from pathlib import Path

import pytest

from tests.dvc.ci import repository as plumbing
from tests.dvc.ci.repository import LOCK, Repository
from verdict.base.errors import VerdictError
from verdict.ci.judge import merge

repository = plumbing.repository


def merged(repository: Repository, head: str) -> merge.Merge:
    """The merge of a head with main."""
    return merge.merge(repository.path, repository.git("rev-parse", "main"), head)


def shown(repository: Repository, commit: str, path: str) -> str:
    """A file of a commit."""
    return repository.git("show", f"{commit}:{path}")


def files(repository: Repository, commit: str) -> list[str]:
    """The paths of a commit."""
    return repository.git("ls-tree", "-r", "--name-only", commit).split("\n")


def test_the_merge_holds_both_sides(repository: Repository) -> None:
    """The judged merge has the change, and all that main gained since the branch began."""
    repository.branch("change")
    repository.put("stages/train.py", "print('better')\n")
    head = repository.commit()
    repository.git("checkout", "--quiet", "main")
    repository.put("docs/b.md", "new on main\n")
    repository.commit()
    commit = merged(repository, head).commit()
    assert shown(repository, commit, "stages/train.py") == "print('better')"
    assert shown(repository, commit, "docs/b.md") == "new on main"


def test_results_of_the_run_replace_what_the_author_committed(repository: Repository, tmp_path: Path) -> None:
    """dvc.lock and metrics are the run's; a file beside them that no stage wrote stays; stale outputs go."""
    repository.branch("change")
    repository.put("metrics/evaluation.json", '{"f1": 0.99}')
    repository.put("dvc.lock", LOCK.replace("b111", "b999"))
    head = repository.commit()
    run = tmp_path / "run"
    (run / "plots").mkdir(parents=True)
    (run / "dvc.lock").write_text(LOCK.replace("b111", "b222"))
    (run / "plots" / "new.json").write_text("[]")
    (run / "log.txt").write_text("not part of the tree")
    commit = merge.with_results(merged(repository, head), run)
    assert "b222" in shown(repository, commit, "dvc.lock")
    assert "plots/new.json" in files(repository, commit)
    assert "metrics/evaluation.json" not in files(repository, commit)
    assert "metrics/README.md" in files(repository, commit)
    assert "log.txt" not in files(repository, commit)


def test_dvc_settings_are_mains(repository: Repository, tmp_path: Path) -> None:
    """A change of .dvc/config, such as another remote, does not count while the change is judged."""
    repository.branch("change")
    repository.put(".dvc/config", "[core]\n    remote = evil\n")
    head = repository.commit()
    for commit in (
        merge.as_committed(merged(repository, head)),
        merge.with_results(merged(repository, head), tmp_path),
    ):
        assert shown(repository, commit, ".dvc/config") == "[core]"


def test_a_conflict_in_generated_files_alone_is_none(repository: Repository) -> None:
    """Conflicting versions of dvc.lock can be judged: the run's version replaces both."""
    repository.branch("change")
    repository.put("dvc.lock", LOCK.replace("b111", "b333"))
    head = repository.commit()
    repository.git("checkout", "--quiet", "main")
    repository.put("dvc.lock", LOCK.replace("b111", "b444"))
    repository.commit()
    assert merged(repository, head).tree


def test_a_conflict_in_code_cannot_be_judged(repository: Repository) -> None:
    """The error names the file and the command."""
    repository.branch("change")
    repository.put("stages/train.py", "print(1)\n")
    head = repository.commit()
    repository.git("checkout", "--quiet", "main")
    repository.put("stages/train.py", "print(2)\n")
    repository.commit()
    with pytest.raises(VerdictError, match=r"conflicts in stages/train\.py") as error:
        merged(repository, head)
    assert error.value.remedy == "git pull --no-rebase origin HEAD"


def test_a_new_symbolic_link_is_refused(repository: Repository) -> None:
    """A link in the change could lead the judge to files of its own machine."""
    repository.branch("change")
    (repository.path / "metrics" / "data.json").symlink_to("/etc/passwd")
    with pytest.raises(VerdictError, match="symbolic link"):
        merged(repository, repository.commit())


def test_a_link_that_main_has_is_no_matter(repository: Repository) -> None:
    """A link that was reviewed into main is allowed."""
    (repository.path / "link").symlink_to("docs/a.md")
    repository.commit()
    repository.branch("change")
    assert merged(repository, repository.commit()).tree


def test_fetch_gets_objects_and_touches_no_file(repository: Repository, tmp_path: Path) -> None:
    """The change's commit arrives, the working tree stays main's."""
    repository.branch("change")
    repository.put("stages/train.py", "raise SystemExit('executed')\n")
    head = repository.commit()
    judge = Repository(tmp_path / "judge")
    repository.git("clone", "--quiet", "--branch", "main", ".", str(judge.path))
    assert merge.fetch(judge.path, "refs/heads/change", "token") == head
    assert (judge.path / "stages/train.py").read_text() == "print('train')\n"
    assert judge.git("status", "--porcelain") == ""
