"""From a tag to the files that a serving host needs to roll a release out."""

import shutil
from pathlib import Path

from verdict.base.paths import REFERENCE
from verdict.classifier.params.metric_names import OVERALL
from verdict.delivery.host.state import Release
from verdict.delivery.provenance import Provenance
from verdict.repo.revisions import Store, resolve


def host_release(provenance: Provenance) -> Release:
    """Return a release as the guard takes it."""
    return Release(provenance.version, provenance.image, provenance.commit, provenance.manifest, provenance.differs)


def write_reference(root: Path, name: str, path: Path) -> str:
    """Write the reference of a release, if it has one: the host compares it with the texts of its users.

    Args:
        root: a checkout, whose floor counts.
        name: of the release's tag.
        path: of the file.

    Returns:
        The least score to expect; empty where the checkout's params name none.
    """
    release = resolve(root, f"refs/tags/{name}")
    if REFERENCE in release.outputs:
        with Store(root) as store:
            shutil.copyfile(store.file(release, REFERENCE), path)
    floors = resolve(root, "HEAD").params["gate"].get("floors") or {}
    return str(floors.get(OVERALL, ""))
