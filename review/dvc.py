"""DVC as a program, for what it cannot do, or not safely, inside this process."""

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from classifier.errors import VerdictError
from classifier.files import write_text
from review.environment import Names, environment

if TYPE_CHECKING:
    from dvc.config import Config


def command(*arguments: str) -> list[str]:
    """A command line of DVC, by this very interpreter; no file of the working folder can pass for a library."""
    return [sys.executable, "-P", "-m", "dvc", *arguments]


def dvc(
    root: Path, *arguments: str, remedy: str = "mend that, and do the same again", variables: Names | None = None
) -> str:
    """What a DVC command prints; `VerdictError` with DVC's own reason when it fails.

    Never with --quiet, which hides the reason, too.
    """
    done = subprocess.run(
        command(*arguments),
        cwd=root,
        env=environment(variables),
        check=False,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        process_group=0,
    )
    if done.returncode:
        reason = " ".join((done.stderr or done.stdout).split())[-400:] or f"exit code {done.returncode}"
        raise VerdictError(f"dvc {' '.join(arguments[:2])}", reason, remedy)
    return done.stdout


def settings(root: Path) -> "Config":
    """DVC's configuration of a checkout; `edit` writes UTF-8, as DVC reads it. DVC itself writes ASCII or nothing."""
    from configobj import ConfigObj
    from dvc.config import Config, _pack_named

    class Settings(Config):  # type: ignore[misc]
        def _save_config(self, level: str, conf_dict: dict[str, Any]) -> None:
            text = ConfigObj(_pack_named(conf_dict), encoding="utf-8").write()
            write_text(Path(self.files[level]), "".join(f"{line.decode()}\n" for line in text))

    return Settings(dvc_dir=str(root.resolve() / ".dvc"))


def cache_of(root: Path) -> Path:
    """Where a checkout keeps its cache."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            return Path(repo.cache.local.path).parent.parent
    except DvcException as error:
        raise VerdictError(str(root), f"not a DVC repository: {error}", "run at the root of the project") from None


def share_cache(checkout: Path, cache: Path) -> None:
    """Let a fresh checkout use a cache; by a link, which takes whatever a path may hold, where a setting does not."""
    from dvc.config_schema import RelPath

    link = checkout.resolve() / ".dvc" / "cache"
    link.symlink_to(cache.resolve())
    with settings(checkout).edit("local") as local:
        local["cache"]["dir"] = RelPath(link)
