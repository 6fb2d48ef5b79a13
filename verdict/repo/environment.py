"""The environment of this program, and of git and DVC below it: without variables that are meant for another git.

A git hook exports the paths of its repository and index, which each git below it obeys: adding a worktree would rewrite
the index of the commit that is being made. So no variable with a path or a behaviour is passed on, and no hooks run.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from verdict.base.numerics import refuse_accelerators

# Git's variables for an identity, for access to a server, and for the paths of the user's settings.
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
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    "GIT_HTTP_",
    "GIT_LFS_SKIP_SMUDGE",
    "GIT_PROXY_",
    "GIT_SSH",
    "GIT_SSL_",
    "GIT_TERMINAL_PROMPT",
)
# Variables of git, of an experiment around this process, and of a GitHub step that may assume a role: not for stages.
_FOREIGN = ("GIT_", "DVC_ROOT", "DVC_EXP_", "_DVC_EXP_", "ACTIONS_ID_TOKEN_REQUEST_", "PYTHONIOENCODING")
# A file monitor may be a hook.
_NO_HOOKS = {"core.hooksPath": os.devnull, "core.fsmonitor": "false"}
_INDEX = "GIT_INDEX_FILE"
StringMap = Mapping[str, str]


def clean_own_environment() -> Path | None:
    """Clean this process's own environment as `child_environment` does: DVC's libraries for git obey it, too.

    Optional libraries that would change a figure are refused, as in the stages.

    Returns:
        In a hook, the index of the commit that is being made; else None.
    """
    refuse_accelerators()
    index = os.environ.get(_INDEX)
    for name in [name for name in os.environ if not _is_kept(name)]:
        del os.environ[name]
    os.environ["PATH"] = _path(os.environ.get("PATH", ""))
    if not index:
        return None
    here = Path.cwd()  # the path is relative to the top of the work tree, where hooks start
    existing = (folder / index for folder in (here, *here.parents) if (folder / index).is_file())
    return next(existing, here / index)


def child_environment(variables: StringMap | None = None, settings: StringMap | None = None) -> dict[str, str]:
    """Return the environment of a git or DVC process: ours, without variables that are meant for another git.

    Args:
        variables: further variables.
        settings: keys of git's configuration that hold in this process and below it.
    """
    kept = {name: value for name, value in os.environ.items() if _is_kept(name)}
    kept["PYTHONUTF8"] = "1"  # whatever the locale: DVC's settings and output may hold any letter
    kept["PATH"] = _path(kept.get("PATH", ""))
    config = {**(settings or {}), **_NO_HOOKS}
    first = int(kept.get("GIT_CONFIG_COUNT") or 0)
    for number, (key, value) in enumerate(config.items(), first):
        kept |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    # Looking at a repository must not write its index.
    fixed = {"GIT_OPTIONAL_LOCKS": "0", "GIT_CONFIG_COUNT": str(first + len(config))}
    return {**kept, **fixed, **(variables or {})}


def _path(path: str) -> str:
    """Return a PATH with this interpreter's folder first: stages say `python`, venv active or not."""
    folder = str(Path(sys.executable).parent)
    return path if path.startswith(f"{folder}{os.pathsep}") else f"{folder}{os.pathsep}{path or os.defpath}"


def _is_kept(name: str) -> bool:
    return not name.startswith(_FOREIGN) or name.startswith(_KEPT)
