"""Where the commands are run: at the root of the project, and in workflows at the root of its git repository, too."""

import os
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.repo.git import run_git


def project_root() -> Path:
    """The current folder, which is the project's root.

    Raises:
        VerdictError: it is not, or its path is not one that DVC's and other libraries can take.
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
        known = os.fsencode(path).decode("utf-8") == str(path)
    except UnicodeDecodeError:
        remedy = "move the project to a folder whose name is UTF-8"
        raise VerdictError(str(path), "not UTF-8, which libraries here cannot take", remedy) from None
    if not known:
        what = "has letters that the encoding of this locale lacks"
        raise VerdictError(str(path), what, "export PYTHONUTF8=1, and do the same again")


def require_git_root() -> None:
    """Refuse to go on in a project that lies in a sub-folder of its git repository.

    Raises:
        VerdictError: so it does; GitHub reads workflows at the repository's root alone, and ours speak of its paths.
    """
    inside = run_git(Path.cwd(), "rev-parse", "--show-prefix").stdout.decode("utf-8", errors="replace").strip("\n")
    if inside:
        what = "the project is not at the root of the git repository, where the workflows need it"
        raise VerdictError(inside, what, "give it a repository of its own, or do without the workflows: docs/github.md")
