"""DVC: as a program, for what it cannot do, or not safely, inside this process; else as a library."""

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verdict.base.errors import VerdictError
from verdict.base.files import write_text
from verdict.repo.environment import StringMap, child_environment

if TYPE_CHECKING:
    from dvc.config import Config

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc.stage import Stage


def dvc_command(*arguments: str) -> list[str]:
    """A command line of DVC, by this very interpreter; nothing of the current folder or of a user is a library to it.

    UTF-8 whatever the locale: DVC's settings and what it prints may hold any letter.
    """
    return [sys.executable, "-I", "-X", "utf8", "-m", "dvc", *arguments]


def dvc(
    root: Path, *arguments: str, remedy: str = "mend that, and do the same again", variables: StringMap | None = None
) -> str:
    """What a DVC command prints; `VerdictError` with DVC's own reason, and a stage's last words, when it fails.

    Never with --quiet, which hides the reason, too.
    """
    done = subprocess.run(
        dvc_command(*arguments),
        cwd=root,
        env=child_environment(variables),
        check=False,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        process_group=0,
    )
    if done.returncode:
        # A stage may tell what went wrong on either stream.
        said = [" ".join(text.split())[-most:] for text, most in ((done.stdout, 300), (done.stderr, 600))]
        reason = " … ".join(filter(None, said)) or f"exit code {done.returncode}"
        raise VerdictError(f"dvc {' '.join(arguments[:2])}", reason, remedy)
    return done.stdout


def dvc_config(root: Path) -> "Config":
    """DVC's configuration of a checkout; `edit` writes UTF-8, as DVC reads it. DVC itself writes ASCII or nothing."""
    from configobj import ConfigObj
    from dvc.config import Config, _pack_named

    class Settings(Config):  # type: ignore[misc]
        def _save_config(self, level: str, conf_dict: dict[str, Any]) -> None:
            text = ConfigObj(_pack_named(conf_dict), encoding="utf-8").write()
            write_text(Path(self.files[level]), "".join(f"{line.decode()}\n" for line in text))

    return Settings(dvc_dir=str(root.resolve() / ".dvc"))


def cache_folder(root: Path) -> Path:
    """Where a checkout keeps its cache."""
    from dvc.exceptions import DvcException

    try:
        with repository(root) as repo:
            return Path(repo.cache.local.path).parent.parent
    except DvcException as error:
        raise VerdictError(str(root), f"not a DVC repository: {error}", "run at the root of the project") from None


def share_cache(checkout: Path, cache: Path) -> None:
    """Let a fresh checkout use a cache; by a link, which takes whatever a path may hold, where a setting does not."""
    from dvc.config_schema import RelPath

    cache.mkdir(parents=True, exist_ok=True)  # before anything was run here, there is none
    link = checkout.resolve() / ".dvc" / "cache"
    link.symlink_to(cache.resolve())
    with dvc_config(checkout).edit("local") as local:
        local["cache"]["dir"] = RelPath(link)


def repository(root: Path) -> "Repo":
    """DVC's view of the checkout at `root`; a context.

    What DVC remembers of files' hashes may be damaged, by a crash or a full disk; every command of DVC would stop at
    that. It is nothing but a memory, and is begun anew.
    """
    from dvc.repo import Repo

    repo = Repo.__new__(Repo)
    try:
        Repo.__init__(repo, str(root))
    except sqlite3.DatabaseError as error:
        if not is_damaged(error):
            raise
        forget_hashes(repo)
        return Repo(str(root))
    return repo


def is_damaged(error: BaseException) -> bool:
    """Whether a database is damaged, and not merely full, locked or read-only."""
    return type(error) is sqlite3.DatabaseError


def forget_hashes(repo: "Repo") -> None:
    """Remove what DVC remembers of this checkout's files, and say so."""
    shutil.rmtree(repo.site_cache_dir)
    print(f"{repo.site_cache_dir} was damaged, and is removed: DVC hashes the files again", file=sys.stderr)


def keeps_records(stage: "Stage") -> bool:
    """Whether DVC leaves a record in the run-cache when a stage has run; its own test for it reads all the data."""
    outs = all(
        out.protocol == "local"
        and out.is_in_repo
        and not out.persist
        and (out.use_cache or out.is_metric or out.is_plot)
        for out in stage.outs
    )
    deps = all(dep.protocol == "local" and dep.def_path for dep in stage.deps)
    counts = stage.cmd and not (stage.frozen or stage.is_callback or stage.always_changed)
    return bool(counts and stage.deps and stage.outs and deps and outs)


def checkout_results(root: Path) -> None:
    """Put what the cache has of main's results into the working tree; what it lacks is seen later."""
    from dvc.exceptions import CheckoutError

    with repository(root) as repo:
        try:
            repo.checkout(force=True, allow_missing=True)
        except CheckoutError as error:
            print(f"not all of main's results are in the cache: {len(error.target_infos)} are missing")
