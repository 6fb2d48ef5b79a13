"""The promises of Dockerfile.gpu and Dockerfile: no root, no secret, layers in the order in which they change."""

import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.documents import load
from verdict.base.numerics import settings

DOCKERFILE = ROOT / "Dockerfile.gpu"
SERVICE = ROOT / "Dockerfile"
GUIDE = ROOT / "docs" / "runner.md"
# In a name of an ARG or ENV: values of either stay in the image for everybody who pulls it.
SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_?KEY|JITCONFIG|INDEX_URL", re.I)


def instructions(text: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile in order, with their arguments on one line."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in joined.splitlines())]


def named(*names: str) -> list[str]:
    """The arguments of all instructions of these kinds."""
    return [rest for name, rest in instructions(DOCKERFILE.read_text(encoding="utf-8")) if name in names]


def position(kind: str, word: str) -> int:
    """The index of the first instruction of a kind with a word."""
    every = instructions(DOCKERFILE.read_text(encoding="utf-8"))
    return next(index for index, (name, rest) in enumerate(every) if name == kind and word in rest)


def hadolint(text: str) -> list[str]:
    """The findings of hadolint in a Dockerfile."""
    program = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([program, "--no-color", "-"], input=text, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


@pytest.mark.parametrize("file", [DOCKERFILE, SERVICE], ids=lambda file: file.name)
def test_hadolint_finds_nothing(file: Path) -> None:
    """The Dockerfiles are clean, and hadolint does see a fault that is put into them."""
    text = file.read_text(encoding="utf-8")
    assert hadolint(text) == []
    assert any("DL3002" in line for line in hadolint(re.sub(r"USER \d+(:\d+)?", "USER root", text)))


def test_nothing_runs_as_root() -> None:
    """The last USER is a number other than 0, as Kubernetes' runAsNonRoot wants it, and pip runs as that user."""
    users = named("USER")
    assert users[-1].isdecimal()
    assert int(users[-1]) > 0
    assert position("USER", users[-1]) < position("RUN", "pip install")


def test_no_secret_can_stay_in_the_image() -> None:
    """No ARG and no ENV has a name like a secret's or a value with a user's part, and pip's index is a build secret."""
    declared = named("ARG", "ENV")
    assert len(declared) >= 4
    for argument in declared:
        assert not SECRET.search(argument), argument
        assert "@" not in argument.replace("python@sha256:", ""), argument
    (install,) = [rest for rest in named("RUN") if "pip install" in rest]
    assert install.startswith("--mount=type=secret,id=pip,target=/etc/pip.conf")
    assert not re.search(r"index-url|https?://", install)


def test_no_secret_can_stay_in_the_image_of_the_service() -> None:
    """No stage declares what looks like a secret, and each that asks an index is given pip's settings as a secret."""
    every = instructions(SERVICE.read_text(encoding="utf-8"))
    declared = [rest for name, rest in every if name in {"ARG", "ENV"}]
    assert len(declared) >= 8
    assert not [rest for rest in declared if SECRET.search(rest)]
    asking = [rest for name, rest in every if name == "RUN" and "pip" in rest and "requirement" in rest]
    assert len(asking) == 5
    assert all(rest.startswith("--mount=type=secret,id=pip,target=/etc/pip.conf") for rest in asking)


def test_the_service_is_built_by_old_buildah_and_ends_with_the_artifact() -> None:
    """No heredoc and no link, which Debian's buildah lacks; the user is 65532; the artifact comes last."""
    text = SERVICE.read_text(encoding="utf-8")
    assert "<<" not in text
    assert "--link" not in text
    every = instructions(text)
    assert {rest for name, rest in every if name == "USER"} == {"65532:65532"}
    assert every[-2:] == [
        ("COPY", "--from=reference /reference.json /app/models/reference.json"),
        ("COPY", "--from=artifact /artifact /app/models/classifier"),
    ]
    assert every[0] == ("ARG", "BASE_IMAGE=docker.io/library/python:3.11-slim-bookworm")
    starts = [rest for name, rest in every if name in {"ENTRYPOINT", "HEALTHCHECK"}]
    assert len(starts) == 4, "of the service, and of what counts labels"
    assert all('["' in rest for rest in starts), "without a shell of Docker's"


@pytest.mark.parametrize("line", ["ARG GITHUB_TOKEN", "ENV A=1 AWS_SECRET_ACCESS_KEY=x", "ARG PIP_INDEX_URL"])
def test_a_secret_looking_argument_would_be_seen(line: str) -> None:
    """The pattern of the test above matches names that people use."""
    ((_, rest),) = instructions(line)
    assert SECRET.search(rest)


def test_layers_stand_in_the_order_in_which_they_change() -> None:
    """System, pins, then the runner that is renewed every month; what set-up installs is copied, and no code."""
    copied = [rest.split()[0] for rest in named("COPY", "ADD")]
    assert copied == ["requirements.txt", "requirements/encoder.txt", "install"]
    order = [
        position("RUN", "apt-get install"),
        position("COPY", "requirements.txt"),
        position("RUN", "pip install"),
        position("ARG", "RUNNER_VERSION"),
        position("RUN", "actions-runner"),
    ]
    assert order == sorted(order)


def test_the_runner_is_checked_against_its_sum_and_is_optional() -> None:
    """Without a version nothing is downloaded; with one, the archive is unpacked only after its SHA-256 was checked."""
    assert 'RUNNER_VERSION=""' in named("ARG")
    (fetch,) = [rest for rest in named("RUN") if "actions-runner" in rest]
    assert fetch.startswith('if [ -n "${RUNNER_VERSION}" ]; then')
    assert fetch.index("sha256sum --check --strict") < fetch.index("tar --extract")


def test_the_base_is_an_argument_with_a_version_of_python() -> None:
    """The base can be replaced (a mirror, a digest), and by default is the Python that the checks are made for."""
    assert instructions(DOCKERFILE.read_text(encoding="utf-8"))[0] == ("ARG", "BASE_IMAGE=python:3.11-slim-bookworm")
    assert named("FROM") == ["${BASE_IMAGE}"]


def test_the_environment_is_what_cuda_needs() -> None:
    """CUDA and nvidia-smi see the GPU, cuBLAS is pinned as in code, and DVC's site cache is the runner's own."""
    environment = dict(pair.split("=", 1) for rest in named("ENV") for pair in rest.split())
    assert environment["NVIDIA_VISIBLE_DEVICES"] == "all"
    assert environment["NVIDIA_DRIVER_CAPABILITIES"] == "compute,utility"
    assert environment["CUBLAS_WORKSPACE_CONFIG"] == settings()["CUBLAS_WORKSPACE_CONFIG"]
    assert environment["DVC_SITE_CACHE_DIR"].startswith("/home/runner/")
    assert len(named("HEALTHCHECK")) == 1


def ignored(path: str) -> bool:
    """Return whether .dockerignore excludes a path: the last pattern that matches it or a parent decides."""
    out = False
    folders = [path, *map(str, Path(path).parents)]
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.strip()
        if pattern and not pattern.startswith("#") and any(fnmatch(name, pattern.lstrip("!")) for name in folders):
            out = not pattern.startswith("!")
    return out


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        "data/raw/x",
        ".dvc/cache/files",
        ".dvc/config.local",
        ".remote/a",
        ".venv/bin/python",
        ".env",
        "verdict/cli/ci.py",
        "verdict/serving/.env",
        "verdict/base/__pycache__/x.pyc",
        "models/other/x",
    ],
)
def test_what_an_image_must_not_hold_is_not_sent_to_the_build(path: str) -> None:
    """History, data, caches, environments and keys stay out of the build's context; the pins are in it."""
    assert ignored(path)
    for needed in ("requirements.txt", "requirements/encoder.txt", "requirements/serving.txt", "install/backend.py"):
        assert not ignored(needed)
    for served in (
        "verdict/__init__.py",
        "verdict/cli/serve.py",
        "verdict/serving/page.html",
        "models/classifier/manifest.json",
    ):
        assert not ignored(served)


def blocks(language: str) -> list[str]:
    """The code blocks of the runner's guide in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_guides_commands_are_valid_shell() -> None:
    """Bash can parse every block of commands, and a script in the guide is as good as one outside it."""
    assert len(blocks("sh")) >= 3
    for block in blocks("sh"):
        done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + block


def test_the_guides_kubernetes_values_ask_for_one_gpu_and_no_root() -> None:
    """The values parse, and a pod gets one GPU, limits, no root, no persistent volume, and its label and group."""
    documents = [load(text) for block in blocks("yaml") for text in re.split("^---$", block, flags=re.MULTILINE)]
    (values,) = [document for document in documents if "githubConfigUrl" in document]
    spec = values["template"]["spec"]
    (container,) = spec["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert {"cpu", "memory", "ephemeral-storage"} <= set(container["resources"]["limits"])
    assert container["securityContext"]["runAsNonRoot"] is True
    assert all("emptyDir" in volume for volume in spec["volumes"])
    assert values["scaleSetLabels"] == ["self-hosted", "gpu"]
    assert values["runnerGroup"] == "gpu"


@pytest.mark.parametrize(
    "phrase",
    [
        "[self-hosted, gpu]",
        "[self-hosted, gpu-main]",
        "verdict doctor",
        "reproduce.yml@refs/heads/main",
    ],
)
def test_the_guide_names_what_the_workflows_use(phrase: str) -> None:
    """The guide names labels, self-check and the one workflow that the groups let in."""
    assert phrase in GUIDE.read_text(encoding="utf-8")
