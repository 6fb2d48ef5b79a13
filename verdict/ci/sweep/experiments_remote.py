"""The DVC remote of a sweep's experiments: separate from main's, and set only in this checkout."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from verdict.experiments.sweep.remotes import require_apart
from verdict.repo.dvc import dvc_config as settings_of
from verdict.repo.git import git

NAME = "sweeps"
# Settings of main's remote that are reused if both are on S3: the server is the same, the bucket or prefix is not.
_SHARED = ("endpointurl", "region")


def add_sweeps_remote(root: Path, url: str) -> None:
    """Add the remote `sweeps` to this checkout's own settings, and set the author of the experiments' commits.

    Args:
        root: a checkout.
        url: a folder, or an address such as s3://bucket/sweeps.

    Raises:
        VerdictError: the address is that of main's remote, or lies within it or around it.
    """
    git(root, "rev-parse", "--git-dir")  # its reason, where it refuses; `git config` has none
    known = settings_of(root)
    settings = {name: dict(remote) for name, remote in known["remote"].items() if name != NAME}
    address = url if "://" in url else str((root / url).resolve())
    require_apart(root, NAME, url)
    main = settings.get(str(known["core"].get("remote")), {})
    alike = urlsplit(address).scheme == urlsplit(str(main.get("url", ""))).scheme != ""
    shared: dict[str, Any] = {key: main[key] for key in _SHARED if alike and key in main}
    if address.startswith("s3://"):
        shared["verify"] = True  # else damaged objects are used unnoticed
    with known.edit("local") as local:
        local["remote"][NAME] = {"url": address, **shared}
    git(root, "config", "user.name", "github-actions[bot]")
    git(root, "config", "user.email", "41898282+github-actions[bot]@users.noreply.github.com")
