"""What a release is made of, laid aside in a folder: image and SBOM, the model card, and what is told of all that."""

import hashlib
import re
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.files import sha256, write_text
from verdict.base.paths import ARTIFACT
from verdict.delivery import images
from verdict.delivery.plan import Plan
from verdict.delivery.provenance import FILE, Origin, Provenance
from verdict.repo.remote import configured
from verdict.repo.revisions import Revision
from verdict.repo.sources import obtain

SBOM, CARD = "sbom.cdx.json", "model-card.md"
Scores = dict[str, tuple[float, float, float]]


def build(root: Path, plan: Plan, origin: Origin, repository: str, scores: Scores, out: Path) -> Provenance:
    """Build the image of HEAD, push it, and write what the release consists of into `out`.

    Args:
        root: a checkout of the commit.
        plan: what it is to be called.
        origin: where the commit comes from.
        repository: the image's, with its registry.
        scores: of the test split.
        out: a folder.

    Raises:
        VerdictError: the artifact is not to be had, or the image cannot be built or pushed.
    """
    if reason := obtain(root, [ARTIFACT], remote=configured(root)):
        raise VerdictError(ARTIFACT, f"cannot be had: {reason}", "let main.yml push it to the remote, or keep its cache")
    manifest, version = sha256(root / ARTIFACT / "manifest.json"), str(plan.version)
    labels = images.Labels(version, plan.commit, manifest, images.inputs(root))
    reference = f"{repository}:{version}"
    images.build(root, root / ARTIFACT, labels, reference)
    digest, sbom = images.push(reference), images.sbom(root, labels)
    told = Provenance(
        **origin.model_dump(),
        version=version,
        commit=plan.commit,
        artifact=Revision(root, "HEAD", plan.commit).hash_of(ARTIFACT),
        manifest=manifest,
        inputs=labels.inputs,
        image=f"{repository}@{digest}",
        sbom=hashlib.sha256(sbom).hexdigest(),
        scores=scores,
    )
    write_text(out / FILE, told.text())
    (out / SBOM).write_bytes(sbom)
    write_text(out / CARD, card((root / "models/README.md").read_text(encoding="utf-8"), told))
    return told


def card(text: str, told: Provenance) -> str:
    """The model card with its release filled in, which a commit cannot know of itself."""
    found, count = re.subn(r"^\| Release \|.*$", lambda _: f"| Release | {told.about()} |", text, count=1, flags=re.M)
    return found if count else f"Release {told.about()}\n\n{text}"
