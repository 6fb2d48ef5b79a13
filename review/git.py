"""git as a program: every call to it, and the environment in which git and DVC run for us.

A git hook exports where its repository and index lie, and each git below it follows: adding a worktree would rewrite
the index of the commit that is being made. So nothing that names a place or a behaviour is passed on, and no hooks run.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from classifier.errors import VerdictError

# Of git's variables those that say who somebody is, how to reach a server, and where settings of the user lie.
_KEPT = (
    "GIT_ASKPASS",
    "GIT_AUTHOR_EMAIL",
    "GIT_AUTHOR_NAME",
    "GIT_COMMITTER_EMAIL",
    "GIT_COMMITTER_NAME",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_KEY_",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_VALUE_",
    "GIT_HTTP_",
    "GIT_LFS_SKIP_SMUDGE",
    "GIT_PROXY_",
    "GIT_SSH",
    "GIT_SSL_",
    "GIT_TERMINAL_PROMPT",
)
# Of an experiment around us; and by which a step of GitHub Actions can take a role: no stage has any business with it.
_FOREIGN = ("GIT_", "DVC_ROOT", "DVC_EXP_", "_DVC_EXP_", "ACTIONS_ID_TOKEN_REQUEST_", "PYTHONIOENCODING")
_NO_HOOKS = {"core.hooksPath": os.devnull}
Names = Mapping[str, str]


def environment(variables: Names | None = None, settings: Names | None = None) -> dict[str, str]:
    """The environment of a git or DVC process: ours, without what a hook or a user set for another git.

    Args:
        variables: further variables.
        settings: keys of git's configuration that count in this process and below it.
    """
    kept = {name: value for name, value in os.environ.items() if _is_ours(name)}
    kept["PYTHONUTF8"] = "1"  # whatever the locale: DVC's settings and what it prints may hold any letter
    kept["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    counting = {**(settings or {}), **_NO_HOOKS}
    first = int(kept.get("GIT_CONFIG_COUNT") or 0)
    for number, (key, value) in enumerate(counting.items(), first):
        kept |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return {**kept, "GIT_CONFIG_COUNT": str(first + len(counting)), **(variables or {})}


def _is_ours(name: str) -> bool:
    return not name.startswith(_FOREIGN) or name.startswith(_KEPT)


def git(
    root: Path, *arguments: str, stdin: str = "", variables: Names | None = None, settings: Names | None = None
) -> str:
    """What a git command prints; `VerdictError` with git's own reason when it fails."""
    # File names are bytes to git, and need not be UTF-8.
    printed = git_bytes(root, *arguments, stdin=stdin.encode(), variables=variables, settings=settings)
    return printed.decode("utf-8", errors="replace")


def git_bytes(
    root: Path, *arguments: str, stdin: bytes = b"", variables: Names | None = None, settings: Names | None = None
) -> bytes:
    """The bytes that a git command prints; otherwise as `git`."""
    done = run(root, *arguments, stdin=stdin, variables=variables, settings=settings)
    if done.returncode:
        reason = " ".join(done.stderr.decode("utf-8", errors="replace").split()) or f"exit code {done.returncode}"
        raise VerdictError(f"git {arguments[0]}", reason, "run in a checkout of the repository, with its history")
    return done.stdout


def prefix(root: Path) -> Path:
    """Where in its git repository the project at `root` lies: `.` unless git's root is further up."""
    return Path(os.fsdecode(git_bytes(root, "rev-parse", "--show-prefix").removesuffix(b"\n")))


def toplevel(root: Path) -> Path:
    """The root of the git repository that the project at `root` is in."""
    return Path(os.fsdecode(git_bytes(root, "rev-parse", "--show-toplevel").removesuffix(b"\n")))


def run(
    root: Path, *arguments: str, stdin: bytes = b"", variables: Names | None = None, settings: Names | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run a git command that may fail; variables and settings as in `environment`."""
    return subprocess.run(
        ["git", *arguments],
        cwd=root,
        check=False,
        capture_output=True,
        input=stdin,
        env=environment(variables, settings),
    )
