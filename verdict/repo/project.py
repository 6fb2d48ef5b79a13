"""Check the current folder: commands run at the project's root, workflows at the root of its git repository, too."""

import os
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.repo.git import run_git


def project_root() -> Path:
    """Return the current folder, which must be the project's root.

    Raises:
        VerdictError: it is not, or DVC and other libraries cannot take its path.
    """
    root = Path.cwd()
    _require_readable(root)
    if not (root / ".dvc").is_dir():
        above = next((folder for folder in root.parents if (folder / ".dvc").is_dir()), None)
        remedy = f"run it in {above}" if above else "run it at the root of the project, where dvc.yaml lies"
        raise VerdictError(str(root), "not the root of the project: no folder .dvc here", remedy)
    return root


def _require_readable(path: Path) -> None:
    try:
        encodable = os.fsencode(path).decode("utf-8") == str(path)
    except UnicodeDecodeError:
        remedy = "move the project to a folder whose name is UTF-8"
        raise VerdictError(str(path), "not UTF-8, which libraries here cannot take", remedy) from None
    if not encodable:
        what = "has letters that the encoding of this locale lacks"
        raise VerdictError(str(path), what, "export PYTHONUTF8=1, and do the same again")


def require_git_root() -> None:
    """Refuse a project in a sub-folder of its git repository.

    Raises:
        VerdictError: it is in one; GitHub reads workflows at the repository's root alone, and ours use its paths.
    """
    prefix = run_git(Path.cwd(), "rev-parse", "--show-prefix").stdout.decode("utf-8", errors="replace").strip("\n")
    if prefix:
        what = "the project is not at the root of the git repository, where the workflows need it"
        raise VerdictError(prefix, what, "give it a repository of its own, or do without the workflows: docs/github.md")
