"""An image of the small table's artifact, built twice, pushed, and pulled by its digest; made once a run."""

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.images import container_tools
from tests.tiers import need, tier
from tests.unit.stages.runs import build as train
from verdict.base.files import sha256
from verdict.delivery import images

PROGRAMS = ("buildah", "podman", "runc", "skopeo", "docker-registry")
# A text in places that must not reach an image: files of a checkout, the environment, the secret of a build.
CANARY = "canary-7c1f09"
_COPIED = ("Dockerfile", "requirements.txt", "requirements", "verdict")
FIGURES: dict[str, str] = {}


@dataclass(frozen=True)
class Built:
    """Two builds of one image: their results, the image's place, and its inputs."""

    root: Path
    artifact: Path
    labels: images.Labels
    base: str
    ids: tuple[str, str]
    digests: tuple[str, str]
    boms: tuple[bytes, bytes]
    reference: str


@pytest.fixture(scope="session", autouse=True)
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for the files of containers; skips unless this tier is run."""
    tier("images", "release")
    for name in (*PROGRAMS, *(() if "VERDICT_BASE_IMAGE" in os.environ else ("mmdebstrap",))):
        need(name, f"apt-get install {name}")
    folder = tmp_path_factory.mktemp("containers")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in container_tools.settings(folder).items():
            patch.setenv(name, value)
        yield folder
        container_tools.clear(folder)


@pytest.fixture(scope="session")
def registry(here: Path) -> Iterator[str]:
    """The address of a registry."""
    with container_tools.registry(here) as address:
        yield address


@pytest.fixture(scope="session")
def base(here: Path, registry: str) -> Iterator[str]:
    """The base image: VERDICT_BASE_IMAGE, or one of Debian's packages."""
    named_image = os.environ.get("VERDICT_BASE_IMAGE")
    name = named_image or f"{registry}/library/python:3.11-slim-bookworm"
    if not named_image:
        container_tools.make_base(here, name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VERDICT_BASE_IMAGE", name)
        yield name


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, here: Path, registry: str, base: str) -> Built:
    """The image, built from a checkout full of canaries, removed here, and pulled again."""
    root = train(tmp_path_factory.mktemp("checkout") / "root")
    for name in _COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, root / name)
    for place in (".env", ".dvc/config.local", "verdict/serving/.env", "models/secret", "verdict/cli/token.py"):
        (root / place).parent.mkdir(exist_ok=True)
        (root / place).write_text(f"{CANARY}\n", encoding="utf-8")
    (here / "pip.conf").write_text(f"# {CANARY}\n[global]\nretries = 5\n", encoding="utf-8")
    artifact = root / "models/classifier"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_CONFIG_FILE", str(here / "pip.conf"))
        patch.setenv("VERDICT_TOKEN", CANARY)
        labels = images.Labels("v1.2.3", "c" * 40, sha256(artifact / "manifest.json"), images.inputs(root))
        names = (f"{registry}/verdict:one", f"{registry}/verdict:two")
        start = time.monotonic()
        ids = tuple(images.build(root, artifact, labels, name) for name in names)
        FIGURES["seconds of a build"] = f"{(time.monotonic() - start) / 2:.0f}"
        digests = tuple(images.push(name) for name in names)
        boms = (images.sbom(root, labels), images.sbom(root, labels))
    container_tools.run("buildah", "rmi", "--force", *names)
    reference = f"{registry}/verdict@{digests[0]}"
    container_tools.run("podman", "pull", "--quiet", "--tls-verify=false", reference)
    return Built(root, artifact, labels, base, (ids[0], ids[1]), (digests[0], digests[1]), boms, reference)


@pytest.fixture(scope="session")
def service(built: Built) -> Iterator[tuple[str, str]]:
    """A container of the image that is ready: its ID and address."""
    start = time.monotonic()
    with container_tools.served(built.reference) as (name, address):
        FIGURES["seconds from podman run to ready"] = f"{time.monotonic() - start:.2f}"
        yield name, address


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print measurements for docs/serving.md; no test checks them."""
    for name, value in FIGURES.items():
        terminalreporter.write_line(f"measured: {name}: {value}")
