"""The manifests of deploy/kubernetes, as kustomize makes them."""

import subprocess
from functools import cache
from pathlib import Path

import yaml

from dev.manifests import Json

ROOT = Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "deploy/kubernetes"
# The folders that operators apply.
FOLDERS = ("overlays/staging", "overlays/production", "overlays/canary", "kserve")


def text(folder: Path) -> str:
    """All documents of a folder."""
    done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return done.stdout


def documents(folder: str) -> list[Json]:
    """All documents of a folder, parsed anew on each call."""
    return list(yaml.safe_load_all(_text(folder)))


@cache
def _text(folder: str) -> str:
    return text(KUBERNETES / folder)
