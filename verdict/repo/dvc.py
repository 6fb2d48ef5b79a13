"""DVC as a library; as a program for what does not work, or is not safe, inside this process."""

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
    from dvc.repo import Repo
    from dvc.stage import Stage

# With S3, DVC seldom ends with this error of aiohttp: once in many runs of the tests. Nothing is lost by it: the same
# command sends or gets the rest.
_RACE = "Timeout should be used inside a task"


def dvc_command(*arguments: str) -> list[str]:
    """Return a command line of DVC, run by this interpreter, which imports nothing from the current folder.

    UTF-8 whatever the locale: DVC's settings and output may hold any letter.
    """
    return [sys.executable, "-I", "-X", "utf8", "-m", "dvc", *arguments]


def dvc(
    root: Path, *arguments: str, remedy: str = "mend that, and do the same again", variables: StringMap | None = None
) -> str:
    """Return the output of a DVC command; `VerdictError` with DVC's reason and a stage's last output when it fails.

    Do not pass --quiet, which hides the reason, too.
    """
    process = _run(root, arguments, variables)
    if process.returncode and _RACE in process.stderr:
        process = _run(root, arguments, variables)
    if process.returncode:
        # A stage may print its error on either stream.
        ends = [" ".join(text.split())[-length:] for text, length in ((process.stdout, 300), (process.stderr, 600))]
        reason = " … ".join(filter(None, ends)) or f"exit code {process.returncode}"
        raise VerdictError(f"dvc {' '.join(arguments[:2])}", reason, remedy)
    return process.stdout


def _run(root: Path, arguments: tuple[str, ...], variables: StringMap | None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        dvc_command(*arguments),
        cwd=root,
        env=child_environment(variables),
        check=False,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        process_group=0,
    )


def dvc_config(root: Path) -> "Config":
    """Return DVC's configuration of a checkout; its `edit` writes UTF-8, which DVC reads but cannot write."""
    from configobj import ConfigObj
    from dvc.config import Config, _pack_named

    class Settings(Config):  # type: ignore[misc]
        def _save_config(self, level: str, conf_dict: dict[str, Any]) -> None:
            text = ConfigObj(_pack_named(conf_dict), encoding="utf-8").write()
            write_text(Path(self.files[level]), "".join(f"{line.decode()}\n" for line in text))

    return Settings(dvc_dir=str(root.resolve() / ".dvc"))


def cache_folder(root: Path) -> Path:
    """Return the folder of a checkout's cache."""
    from dvc.exceptions import DvcException

    try:
        with repository(root) as repo:
            return Path(repo.cache.local.path).parent.parent
    except DvcException as error:
        raise VerdictError(str(root), f"not a DVC repository: {error}", "run at the root of the project") from None


def share_cache(checkout: Path, cache: Path) -> None:
    """Let a fresh checkout use a cache, by a link: it may lead to any path, a setting may not."""
    from dvc.config_schema import RelPath

    cache.mkdir(parents=True, exist_ok=True)  # there is none before the first run
    link = checkout.resolve() / ".dvc" / "cache"
    link.symlink_to(cache.resolve())
    with dvc_config(checkout).edit("local") as local:
        local["cache"]["dir"] = RelPath(link)


def repository(root: Path) -> "Repo":
    """Return DVC's view of the checkout at `root`; a context.

    A crash or a full disk may have damaged DVC's database of file hashes, and every command of DVC would fail. It is
    only a cache, so it is removed then.
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
    """Return whether an error means a damaged database, not one that is full, locked or read-only."""
    return type(error) is sqlite3.DatabaseError


def one_line(error: BaseException) -> str:
    """Return an error's message in one line; the name of its class if it has none."""
    return " ".join(str(error).split()) or type(error).__name__


def forget_hashes(repo: "Repo") -> None:
    """Remove DVC's database of this checkout's file hashes, and say so."""
    shutil.rmtree(repo.site_cache_dir)
    print(f"{repo.site_cache_dir} was damaged, and is removed: DVC hashes the files again", file=sys.stderr)


def keeps_records(stage: "Stage") -> bool:
    """Return whether DVC records a run of a stage in the run-cache; DVC's own test for it reads all the data."""
    outs_fit = all(
        out.protocol == "local"
        and out.is_in_repo
        and not out.persist
        and (out.use_cache or out.is_metric or out.is_plot)
        for out in stage.outs
    )
    deps_fit = all(dep.protocol == "local" and dep.def_path for dep in stage.deps)
    is_recorded = stage.cmd and not (stage.frozen or stage.is_callback or stage.always_changed)
    return bool(is_recorded and stage.deps and stage.outs and deps_fit and outs_fit)


def checkout_results(root: Path) -> None:
    """Check out main's results as far as the cache has them, and say how many it lacks."""
    from dvc.exceptions import CheckoutError

    with repository(root) as repo:
        try:
            repo.checkout(force=True, allow_missing=True)
        except CheckoutError as error:
            print(f"not all of main's results are in the cache: {len(error.target_infos)} are missing")
