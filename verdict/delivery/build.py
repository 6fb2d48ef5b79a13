"""Builds a release: the image, and a folder with SBOM, model card and provenance."""

import hashlib
import re
from pathlib import Path
from typing import Any

from verdict.base.errors import VerdictError
from verdict.base.files import sha256, write_text
from verdict.base.paths import ARTIFACT, REFERENCE
from verdict.delivery import images
from verdict.delivery.plan import Plan
from verdict.delivery.provenance import FILE, Provenance
from verdict.repo.remote import has_shared_remote
from verdict.repo.revisions import Revision
from verdict.repo.sources import obtain_targets

SBOM, CARD = "sbom.cdx.json", "model-card.md"


def build(root: Path, plan: Plan, repository: str, out: Path, **known: Any) -> Provenance:  # noqa: ANN401 - below
    """Build the image of HEAD, push it, and write the assets of the release into `out`.

    Args:
        root: a checkout of the commit.
        plan: with its version.
        repository: of the image, with its registry.
        out: a folder.
        known: the fields of `Provenance` that are not found here: run, pull, check and scores.

    Raises:
        VerdictError: the artifact is not to be had, or the image cannot be built or pushed.
    """
    if reason := obtain_targets(root, [ARTIFACT, REFERENCE], remote=has_shared_remote(root)):
        raise VerdictError(ARTIFACT, f"cannot be had: {reason}", "dvc push it, or run main.yml again, which keeps it")
    manifest, version = sha256(root / ARTIFACT / "manifest.json"), str(plan.version)
    labels = images.Labels(version, plan.commit, manifest, images.inputs(root))
    images.build(root, root / ARTIFACT, labels, f"{repository}:{version}")
    image, sbom = f"{repository}@{images.push(f'{repository}:{version}')}", images.sbom(root, labels)
    artifact = Revision(root, "HEAD", plan.commit).hash_of(ARTIFACT)
    known |= {"artifact": artifact, "manifest": manifest, "image": image, "sbom": hashlib.sha256(sbom).hexdigest()}
    provenance = Provenance(version=version, commit=plan.commit, inputs=labels.inputs, **known)
    write_text(out / FILE, provenance.text())
    write_text(out / SBOM, sbom.decode())
    write_text(out / CARD, card((root / "models/README.md").read_text(encoding="utf-8"), provenance))
    return provenance


def card(text: str, provenance: Provenance) -> str:
    """Return the model card with its release filled in, which the commit cannot contain."""
    about = provenance.about()
    filled, count = re.subn(r"^\| Release \|.*$", lambda _: f"| Release | {about} |", text, count=1, flags=re.M)
    return filled if count else f"Release {about}\n\n{text}"
