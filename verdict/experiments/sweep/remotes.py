"""Keep the DVC remote of sweeps apart from main's, to which only main's workflow may write."""

from pathlib import Path
from typing import Any

from verdict.base.errors import VerdictError
from verdict.repo.dvc import dvc_config


def settings(root: Path) -> dict[str, dict[str, Any]]:
    """The DVC remotes of a checkout, by name; folders are absolute paths."""
    return {name: dict(remote) for name, remote in dvc_config(root)["remote"].items()}


def require_apart(root: Path, name: str, url: str) -> None:
    """Refuse main's remote, and an address that equals another remote's, is inside it or contains it."""
    if dvc_config(root)["core"].get("remote") == name:
        remedy = "dvc remote add sweeps URL: a place of its own, where every machine of the sweep may write"
        raise VerdictError(f"remote {name}", "main's own, where main's workflow alone writes", remedy)
    for other, remote in settings(root).items():
        if other != name and _overlap(_address(root, url), _address(root, str(remote.get("url", "")))):
            what = f"{url} is where the remote {other} keeps main's results, or within it, or around it"
            raise VerdictError(f"remote {name}", what, "give sweeps a bucket or a prefix of their own (SWEEPS_REMOTE)")


def _address(root: Path, url: str) -> str:
    return url if "://" in url else str((root / url).resolve())


def _overlap(one: str, other: str) -> bool:
    one, other = one.rstrip("/") + "/", other.rstrip("/") + "/"
    return one.startswith(other) or other.startswith(one)
