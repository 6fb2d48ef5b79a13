"""The environment of a program of ours, and of git and DVC below it: without what a hook or a user set for another git.

A git hook exports where its repository and index lie, and each git below it follows: adding a worktree would rewrite
the index of the commit that is being made. So nothing that names a place or a behaviour is passed on, and no hooks run.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from verdict.base.numerics import refuse_accelerators

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
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    "GIT_HTTP_",
    "GIT_LFS_SKIP_SMUDGE",
    "GIT_PROXY_",
    "GIT_SSH",
    "GIT_SSL_",
    "GIT_TERMINAL_PROMPT",
)
# Of an experiment around us; and by which a step of GitHub Actions can take a role: no stage has any business with it.
_FOREIGN = ("GIT_", "DVC_ROOT", "DVC_EXP_", "_DVC_EXP_", "ACTIONS_ID_TOKEN_REQUEST_", "PYTHONIOENCODING")
# A file monitor may be a hook, too.
_NO_HOOKS = {"core.hooksPath": os.devnull, "core.fsmonitor": "false"}
_INDEX = "GIT_INDEX_FILE"
StringMap = Mapping[str, str]


def clean_own_environment() -> Path | None:
    """Clean this process's own environment as `child_environment` does: DVC's libraries for git heed it, too.

    Libraries that would change a figure where they happen to be installed stay out, as in the stages.

    Returns:
        In a hook, the index of the commit that is being made; else None.
    """
    refuse_accelerators()
    index = os.environ.get(_INDEX)
    for name in [name for name in os.environ if not _is_ours(name)]:
        del os.environ[name]
    os.environ["PATH"] = _path(os.environ.get("PATH", ""))
    if not index:
        return None
    here = Path.cwd()  # the path counts from the top of the work tree, where hooks begin
    found = (folder / index for folder in (here, *here.parents) if (folder / index).is_file())
    return next(found, here / index)


def child_environment(variables: StringMap | None = None, settings: StringMap | None = None) -> dict[str, str]:
    """The environment of a git or DVC process: ours, without what a hook or a user set for another git.

    Args:
        variables: further variables.
        settings: keys of git's configuration that count in this process and below it.
    """
    kept = {name: value for name, value in os.environ.items() if _is_ours(name)}
    kept["PYTHONUTF8"] = "1"  # whatever the locale: DVC's settings and what it prints may hold any letter
    kept["PATH"] = _path(kept.get("PATH", ""))
    counting = {**(settings or {}), **_NO_HOOKS}
    first = int(kept.get("GIT_CONFIG_COUNT") or 0)
    for number, (key, value) in enumerate(counting.items(), first):
        kept |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    # Looking at a repository must not write its index.
    ours = {"GIT_OPTIONAL_LOCKS": "0", "GIT_CONFIG_COUNT": str(first + len(counting))}
    return {**kept, **ours, **(variables or {})}


def _path(path: str) -> str:
    """Where programs are looked for, this interpreter's folder first: stages say `python`, venv active or not."""
    own = str(Path(sys.executable).parent)
    return path if path.startswith(f"{own}{os.pathsep}") else f"{own}{os.pathsep}{path or os.defpath}"


def _is_ours(name: str) -> bool:
    return not name.startswith(_FOREIGN) or name.startswith(_KEPT)
