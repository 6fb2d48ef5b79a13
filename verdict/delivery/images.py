"""Images of the service: built by buildah, with the same digest from the same inputs; pushed; read back by skopeo.

Both are packages of every Linux distribution, need no running engine, and use the login of `podman login` or
`docker login`. A registry on this machine (127.0.0.1) is used without TLS, every other with. The environment variables
VERDICT_BASE_IMAGE (another base, or a mirror of it) and PIP_CONFIG_FILE (another index of pip) count.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from verdict.base.errors import VerdictError
from verdict.base.files import sha256
from verdict.base.paths import ARTIFACT, REFERENCE
from verdict.delivery.recipe import context, copied_files, kind_of, reference_hash, stages_of, target_of

_LABELS = {
    "version": "org.opencontainers.image.version",
    "commit": "org.opencontainers.image.revision",
    "artifact": "verdict.artifact",
    "inputs": "verdict.inputs",
}


@dataclass(frozen=True)
class Labels:
    """The labels of an image.

    Args:
        version: of the release, such as `v1.2.0`.
        commit: from which it was built.
        artifact: SHA-256 of its artifact's manifest.json.
        inputs: the hash by `inputs`.
    """

    version: str
    commit: str
    artifact: str
    inputs: str


@dataclass(frozen=True)
class Image:
    """An image in a registry.

    Args:
        digest: of its manifest.
        labels: of its configuration.
        manifest: SHA-256 of manifest.json in its last layer, which also holds the files that it names.
    """

    digest: str
    labels: Labels
    manifest: str


def inputs(root: Path) -> str:
    """Return the SHA-256 of everything in an image but artifact, version and commit.

    This is the stages of Dockerfile without their comments, what they copy (pins and code), the base as its registry
    has it now, and the reference as dvc.lock has it.
    """
    stages = stages_of(root, target_of(kind_of(root)))
    files = {str(path.relative_to(root)): sha256(path) for path in copied_files(stages, root)}
    content = [stages, files, _base(root).rpartition("@")[2], reference_hash(root)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def build(root: Path, artifact: Path, labels: Labels, reference: str) -> str:
    """Build the image of an artifact, without cached layers of this machine.

    Args:
        root: the checkout.
        artifact: the folder of a trained classifier, its reference beside it.
        labels: of the image; `artifact` and `inputs` must be true.
        reference: its name, such as `ghcr.io/team/verdict:v1.2.0`.

    Returns:
        The digest of its configuration, which names all its layers: podman's ID of the image.
    """
    manifest = artifact / "manifest.json"
    actual = {"artifact": sha256(manifest), "inputs": inputs(root)}
    for name, value in actual.items():
        if getattr(labels, name) != value:
            what = f"is {value}, the image would be labelled {getattr(labels, name)}"
            raise VerdictError(f"{artifact}: {name}", what, "verdict release plan, again: something moved since")
    target = target_of(json.loads(manifest.read_bytes())["kind"])
    arguments = {name.upper(): getattr(labels, name) for name in _LABELS}
    with context(root, target) as folder:
        shutil.copytree(artifact, folder / ARTIFACT)
        shutil.copyfile(artifact.parent / Path(REFERENCE).name, folder / REFERENCE)
        _build(root, folder, "--no-cache", "--tag", reference, **arguments)
    return _remove_container_names(reference)


def sbom(root: Path, labels: Labels) -> bytes:
    """Return the packages of the image that `build` made last: CycloneDX, in JSON, always the same bytes."""
    with context(root, "sbom", kind_of(root)) as folder:
        _build(root, folder, "--output", str(folder / "packages"))
        document = json.loads((folder / "packages" / "python.json").read_bytes())
        others = (folder / "packages" / "others.txt").read_text(encoding="utf-8").splitlines()
    document["metadata"]["component"] = {
        "type": "container",
        "bom-ref": "image",
        "name": "verdict",
        "version": labels.version,
    }
    document["components"] += [_component(*line.split()) for line in sorted(others)]
    return (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()


def push(reference: str) -> str:
    """Push an image to its registry; return its digest there."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "digest"
        _run("buildah", "push", *_tls(reference), "--digestfile", str(file), reference, f"docker://{reference}")
        return file.read_text(encoding="utf-8").strip()


def read(reference: str) -> Image:
    """Fetch an image from its registry and read it; `VerdictError` where its last layer is not an artifact."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        _run("skopeo", "copy", *_tls(reference, "src-"), f"docker://{reference}", f"dir:{folder}")
        manifest = (folder / "manifest.json").read_bytes()  # skopeo checked each file against its digest
        document = json.loads(manifest)
        config = json.loads((folder / _hex(document["config"]["digest"])).read_bytes())
        values = config["config"].get("Labels") or {}
        for label in _LABELS.values():
            if label not in values:
                raise VerdictError(reference, f"has no label {label}", "an image that `verdict release build` made")
        labels = Labels(**{name: values[label] for name, label in _LABELS.items()})
        digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        return Image(digest, labels, _manifest_of(reference, folder / _hex(document["layers"][-1]["digest"])))


def _manifest_of(reference: str, layer: Path) -> str:
    """Return the SHA-256 of manifest.json in a layer that holds it, the files that it names, and nothing else."""
    with tarfile.open(layer) as archive:
        members = [member for member in archive if not member.isdir()]
        files = [(member.name, archive.extractfile(member)) for member in members if member.isreg()]
        content = {name.removeprefix(f"app/{ARTIFACT}/"): file.read() for name, file in files if file}
    hashes = {name: hashlib.sha256(text).hexdigest() for name, text in content.items()}
    manifest = hashes.pop("manifest.json", "")
    with suppress(KeyError, TypeError, ValueError):
        # Fewer contents than members: a link, or a duplicate name.
        if len(content) == len(members) and json.loads(content["manifest.json"])["files"] == hashes:
            return manifest
    what = "its last layer is not an artifact as its manifest.json names it"
    raise VerdictError(reference, what, "do not run it; verdict release build makes it anew")


def _build(root: Path, folder: Path, *options: str, **values: str) -> None:
    """Run buildah without the time and its version in the image; only Docker's format has HEALTHCHECK."""
    base = _base(root)
    arguments = [f"--build-arg={name}={value}" for name, value in {"BASE_IMAGE": base, **values}.items()]
    if pip := os.environ.get("PIP_CONFIG_FILE"):
        arguments.append(f"--secret=id=pip,src={pip}")
    fixed = ("--format", "docker", "--layers", "--timestamp", "0", "--identity-label=false")
    _run("buildah", "build", *fixed, *_tls(base), *arguments, *options, str(folder))


def _remove_container_names(reference: str) -> str:
    """Remove the names of buildah's containers from an image's configuration; return the new digest."""
    with TemporaryDirectory(prefix="verdict-image-") as name:
        folder = Path(name)
        _run("skopeo", "copy", f"containers-storage:{reference}", f"dir:{folder}")
        manifest = json.loads((folder / "manifest.json").read_bytes())
        config = json.loads((folder / _hex(manifest["config"]["digest"])).read_bytes())
        kept = {key: config[key] for key in ("architecture", "os", "created", "config", "rootfs")}
        kept["config"].pop("Hostname", None)
        kept["history"] = [{key: step[key] for key in step if key != "comment"} for step in config["history"]]
        content = json.dumps(kept, sort_keys=True).encode()
        digest = hashlib.sha256(content).hexdigest()
        (folder / digest).write_bytes(content)
        manifest["config"] |= {"digest": f"sha256:{digest}", "size": len(content)}
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        _run("skopeo", "copy", f"dir:{folder}", f"containers-storage:{reference}")
    return f"sha256:{digest}"


def _base(root: Path) -> str:
    """Return the base's name with the digest that its registry has now."""
    (default,) = re.findall(r"^ARG BASE_IMAGE=(\S+)$", (root / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    name = os.environ.get("VERDICT_BASE_IMAGE") or default
    raw = _run("skopeo", "inspect", "--raw", *_tls(name), f"docker://{name}")
    repository = re.sub(r"(:[^/@]+)?(@.+)?$", "", name)
    return f"{repository}@sha256:{hashlib.sha256(raw).hexdigest()}"


def _component(kind: str, name: str, version: str, machine: str) -> dict[str, Any]:
    purl = f"pkg:{kind}/{name}@{quote(version, safe=':~')}?arch={machine}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def _hex(digest: str) -> str:
    return digest.partition(":")[2]


def _tls(reference: str, side: str = "") -> list[str]:
    return [f"--{side}tls-verify=false"] if re.match(r"127\.0\.0\.1[:/]", reference) else []


def _run(program: str, *arguments: str) -> bytes:
    """Return the output of a program; `VerdictError` when it is missing, or fails."""
    try:
        return subprocess.run([program, *arguments], capture_output=True, check=True).stdout
    except FileNotFoundError:
        raise VerdictError(program, "is not installed; images need it", f"apt-get install {program}") from None
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").strip().splitlines()[-5:]
        what = f"{arguments[0]} failed: {' / '.join(lines)}"
        raise VerdictError(program, what, "network, login (podman login), disk: as the message says") from None
