"""Stand-in for verdict/delivery/images.py: a folder is the registry, and a JSON document an image.

`make images` tests the real module with buildah and a real registry.
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.files import sha256


@dataclass(frozen=True)
class Labels:
    """The labels of an image."""

    version: str
    commit: str
    artifact: str
    inputs: str


@dataclass(frozen=True)
class Image:
    """An image in a registry, and the hash of its artifact's manifest."""

    digest: str
    labels: Labels
    manifest: str


def inputs(root: Path) -> str:
    """The hash of an image's inputs: here only the pins."""
    return sha256(root / "requirements/serving.txt")


def build(root: Path, artifact: Path, labels: Labels, reference: str) -> str:
    """Build an image on this machine."""
    return _put("built", reference, {"labels": asdict(labels), "manifest": sha256(artifact / "manifest.json")})


def push(reference: str) -> str:
    """Push an image to the registry."""
    return _put("registry", reference, json.loads(_place("built", reference).read_text(encoding="utf-8")))


def sbom(root: Path, labels: Labels) -> bytes:
    """The SBOM of the image that was built last."""
    return json.dumps({"bomFormat": "CycloneDX", "version": labels.version, "pins": inputs(root)}).encode()


def read(reference: str) -> Image:
    """Read an image from the registry."""
    path = _place("registry", reference)
    if not path.is_file():
        raise VerdictError(reference, "the registry has no such image", "push it")
    image = json.loads(path.read_text(encoding="utf-8"))
    return Image(digest_of(path.read_text(encoding="utf-8")), Labels(**image["labels"]), image["manifest"])


def _place(kind: str, reference: str) -> Path:
    return Path(os.environ["STANDIN_REGISTRY"]) / kind / reference.replace("/", "+")


def _put(kind: str, reference: str, image: dict[str, object]) -> str:
    text = json.dumps(image, sort_keys=True)
    for name in (reference, f"{reference.rpartition(':')[0]}@{digest_of(text)}"):
        _place(kind, name).parent.mkdir(parents=True, exist_ok=True)
        _place(kind, name).write_text(text, encoding="utf-8")
    return digest_of(text)


def digest_of(text: str) -> str:
    """The digest of an image."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
