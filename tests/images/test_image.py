"""The image of the service: the artifact's answers, one digest, nothing superfluous, an end without loss."""

import json
import re
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.conftest import small_params
from tests.corpus import write_raw
from tests.images import container_tools
from tests.images.conftest import CANARY, FIGURES, Built
from tests.unit.stages.runs import STAGES, run
from verdict.base.errors import VerdictError
from verdict.base.files import sha256
from verdict.classifier.artifact import load_classifier
from verdict.delivery import images

TEXTS = [
    "The soup was cold.",
    "a wonderful, wonderful day",
    "I didn&#39;t like it",
    "",
    "naïve café \N{SNOWMAN}",
    "x" * 9_000,
]
_MEGABYTE = 1_000_000
_UNWANTED = re.compile(
    r"/(pip|ensurepip|setuptools|pip-[^/]*|setuptools-[^/]*)/|"
    r"/(bin|lib)/(pip[\d.]*|([^/]*-)?(gcc|g\+\+|cc|c\+\+|cpp|clang|tcc|as|ld|rustc|go)(-\d+)?)$|\.whl$"
)


def files_of(image: str) -> dict[str, bytes]:
    """All files of an image by name, as a container sees them."""
    name = container_tools.podman("create", image, "true").strip()
    try:
        with TemporaryDirectory() as folder:
            container_tools.podman("export", "--output", f"{folder}/tar", name)
            with tarfile.open(f"{folder}/tar") as archive:
                return contents(archive)
    finally:
        container_tools.podman("rm", name)


def contents(archive: tarfile.TarFile) -> dict[str, bytes]:
    """The files of an archive, by name; links are empty."""
    files = [(one.name, archive.extractfile(one) if one.isfile() else None) for one in archive if not one.isdir()]
    return {name: b"" if file is None else file.read() for name, file in files}


def layers_of(reference: str, folder: Path) -> list[Path]:
    """The layers of an image in a registry, the lowest first, and its configuration."""
    container_tools.run("skopeo", "copy", "--src-tls-verify=false", f"docker://{reference}", f"dir:{folder}")
    manifest = json.loads((folder / "manifest.json").read_bytes())
    digests = [layer["digest"] for layer in (*manifest["layers"], manifest["config"])]
    return [folder / digest.partition(":")[2] for digest in digests]


def test_answers_are_those_of_predict(built: Built, service: tuple[str, str]) -> None:
    """Over HTTP the container gives the labels and digits that `verdict predict` prints for the same artifact."""
    command = (sys.executable, "-I", "-m", "verdict", "predict", "--model", str(built.artifact))
    printed = [json.loads(line) for line in container_tools.run(*command, stdin="\n".join(TEXTS) + "\n").splitlines()]
    answers = json.loads(container_tools.reply(service[1], "/predict", {"texts": TEXTS}) or b"{}")["predictions"]
    assert [(one["label"], one["probabilities"]) for one in answers] == [
        (one["label"], one["probabilities"]) for one in printed
    ]
    about = json.loads(container_tools.reply(service[1], "/version") or b"{}")
    told = {"version": "v1.2.3", "commit": "c" * 40, "artifact": built.labels.artifact}
    assert {key: about[key] for key in told} == told


@pytest.mark.parametrize("kind", ["bag", "hashed"])
def test_other_kinds_are_served_by_the_same_image(built: Built, tmp_path: Path, kind: str) -> None:
    """A bag and a linear model of hashed n-grams find in the image all that they import, and answer as they do here."""
    document = small_params()
    document["featurize"]["method"] = "hashing" if kind == "hashed" else "tfidf"
    write_raw(tmp_path / "data" / "raw")
    folder = run(tmp_path, document, "bag" if kind == "bag" else "linear", STAGES[:4]) / "models/classifier"
    with container_tools.served(
        built.reference, "--model", "/other", podman_options=("--volume", f"{folder}:/other:ro")
    ) as (
        _,
        address,
    ):
        found = json.loads(container_tools.reply(address, "/predict", {"text": TEXTS[0]}) or b"{}")
    (told,) = load_classifier(folder).answers(TEXTS[:1])
    assert (found["label"], found["probabilities"]) == tuple(told)


def test_two_builds_have_one_digest(built: Built) -> None:
    """Two builds without a cache are one image, on this machine and in the registry; so is the list of packages."""
    assert built.ids[0] == built.ids[1]
    assert built.digests[0] == built.digests[1]
    assert built.boms[0] == built.boms[1]


def test_what_the_registry_holds_is_what_was_built(built: Built) -> None:
    """Digest, labels and the manifest in the last layer come back from the registry as they were sent."""
    image = images.read(built.reference)
    assert (image.digest, image.labels) == (built.digests[0], built.labels)
    assert image.manifest == sha256(built.artifact / "manifest.json") == built.labels.artifact


@pytest.mark.parametrize("change", ["weights", "a file more", "nothing on top"])
def test_an_image_with_another_artifact_is_refused(built: Built, registry: str, tmp_path: Path, change: str) -> None:
    """Other weights under the same manifest, a file more, or a layer above the artifact: read names the image."""
    forged, work = f"{registry}/verdict:forged", container_tools.run("buildah", "from", built.reference).strip()
    (tmp_path / "file").write_bytes(b"other")
    place = "/app/models/classifier/"
    if change == "nothing on top":
        container_tools.run("buildah", "copy", work, str(tmp_path / "file"), "/app/other")
    else:
        for path in built.artifact.iterdir():
            container_tools.run("buildah", "copy", work, str(path), place)
        target = "weights.safetensors" if change == "weights" else "more"
        container_tools.run("buildah", "copy", work, str(tmp_path / "file"), f"{place}{target}")
    container_tools.run("buildah", "commit", "--format", "docker", work, forged)
    container_tools.run("buildah", "rm", work)
    images.push(forged)
    with pytest.raises(VerdictError, match="last layer is not an artifact"):
        images.read(forged)


def test_it_is_nobody_and_writes_nothing(service: tuple[str, str]) -> None:
    """The service has a number for a user, no capability, no way to gain one, and a root that cannot be written."""
    status = container_tools.podman("exec", service[0], "cat", "/proc/1/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["Uid"].split() == ["65532"] * 4
    assert fields["Gid"].split() == ["65532"] * 4
    assert int(fields["CapEff"], 16) == 0
    assert fields["NoNewPrivs"] == "1"
    code = "from pathlib import Path\ntry: Path('/app/x').touch()\nexcept OSError as error: print(error.strerror)"
    told = container_tools.podman("exec", service[0], "/opt/venv/bin/python", "-I", "-c", code)
    assert told == "Read-only file system\n"


def test_neither_pip_nor_compiler_nor_another_command_is_in_it(built: Built) -> None:
    """No file is named like pip, what could bring it back, or a compiler; of the project only what serves is there."""
    found = files_of(built.reference)
    assert [path for path in found if _UNWANTED.search(path)] == []
    ours = {path.split("/")[2] for path in found if path.startswith("app/verdict/")}
    assert ours == {"__init__.py", "__pycache__", "base", "classifier", "cli", "monitoring", "serving", "web"}
    assert {path for path in found if path.startswith("app/verdict/cli/") and path.endswith(".py")} == {
        "app/verdict/cli/exits.py",
        "app/verdict/cli/http_options.py",
        "app/verdict/cli/serve.py",
    }
    assert {path.split("/")[1] for path in found if path.startswith("app/")} == {"verdict", "models"}


def test_the_base_has_what_is_taken_out(built: Built) -> None:
    """The check above would see pip: the base has it."""
    container_tools.run("podman", "pull", "--quiet", "--tls-verify=false", built.base)
    assert [path for path in files_of(built.base) if _UNWANTED.search(path)]


def test_no_layer_holds_a_secret(built: Built, tmp_path: Path) -> None:
    """Secrets of the checkout, the environment and pip's settings are in no layer above the base."""
    *layers, config = layers_of(built.reference, tmp_path / "image")
    texts = [config.read_bytes()]
    for layer in layers[len(layers_of(built.base, tmp_path / "base")) - 1 :]:
        with tarfile.open(layer) as archive:
            texts += contents(archive).values()
    assert len(texts) > 1_000
    assert not [text for text in texts if CANARY.encode() in text]
    assert not [text for text in texts if re.search(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/]{40}", text)]


def test_the_artifact_is_the_last_layer(built: Built, tmp_path: Path) -> None:
    """The last layer holds the artifact's files, byte for byte, and nothing else."""
    layer = layers_of(built.reference, tmp_path)[-2]
    with tarfile.open(layer) as archive:
        found = contents(archive)
    assert found == {f"app/models/classifier/{path.name}": path.read_bytes() for path in built.artifact.iterdir()}


def test_the_list_names_every_package(built: Built) -> None:
    """Each distribution that Python finds in the image, and each package of Debian's, is in the list, by version."""
    listed = {(one["name"].lower(), one["version"]) for one in json.loads(built.boms[0])["components"]}
    code = "from importlib.metadata import distributions as d\nfor one in d(): print(one.name, one.version)"
    python = {tuple(line.lower().split()) for line in container_tools.python(built.reference, code).splitlines()}
    status = files_of(built.reference)["var/lib/dpkg/status"].decode()
    debian = set(re.findall(r"^Package: (\S+)\n(?:.+\n)*?Version: (\S+)$", status, re.MULTILINE))
    assert len(python) > 15
    assert len(debian) > 50
    assert python | debian <= listed


def test_it_is_small(built: Built) -> None:
    """The image is at most 140 MB larger than its base."""
    sizes = [
        int(container_tools.podman("image", "inspect", "--format", "{{.Size}}", name))
        for name in (built.reference, built.base)
    ]
    FIGURES["MB above the base"] = f"{(sizes[0] - sizes[1]) / _MEGABYTE:.0f} of {sizes[0] / _MEGABYTE:.0f}"
    assert sizes[0] - sizes[1] <= 140 * _MEGABYTE


def test_a_start_compiles_nothing(built: Built) -> None:
    """All that the service imports has bytecode that Python takes unasked: on a read-only root it could keep none."""
    lines = (
        "import sys, verdict.cli.serve, verdict.serving.server",
        "from pathlib import Path",
        "every = [one.__spec__ for one in list(sys.modules.values()) if getattr(one, '__spec__', None)]",
        "taken = [spec for spec in every if str(spec.origin).endswith('.py')]",
        "flags = [Path(spec.cached).read_bytes()[4] if Path(spec.cached).exists() else None for spec in taken]",
        "print(len(taken), *[spec.origin for spec, flag in zip(taken, flags) if flag != 1])",
    )
    number, *stale = container_tools.python(built.reference, "\n".join(lines)).split()
    assert int(number) > 300
    assert stale == []


def test_no_shell_is_needed(built: Built) -> None:
    """The service starts where the image's shells are gone."""
    hidden = [part for shell in ("dash", "bash") for part in ("--volume", f"/dev/null:/usr/bin/{shell}:ro")]
    with container_tools.served(built.reference, podman_options=hidden) as (name, _):
        assert container_tools.podman("inspect", "--format", "{{.State.Status}}", name) == "running\n"


def test_health_is_asked_without_python(built: Built) -> None:
    """The image's own check finds a service healthy, needs no network, and fails without a server."""
    told = json.loads(container_tools.podman("image", "inspect", built.reference))[0]["Healthcheck"]["Test"]
    kind, program, *arguments = told
    assert (kind, program) == ("CMD", "bash")
    assert "python" not in " ".join(arguments)
    with container_tools.container(built.reference, podman_options=("--network", "none")) as name:
        assert any(healthy(name, program, *arguments) for _ in range(200)), container_tools.podman("logs", name)
        for asked, other in (("/8000", "/8009"), ("/health", "/nowhere")):
            assert not healthy(name, program, *(part.replace(asked, other) for part in arguments))


def healthy(name: str, *command: str) -> bool:
    """Return whether a command succeeds in a container."""
    try:
        container_tools.podman("exec", name, *command)
    except AssertionError:
        return False
    return True


def test_it_holds_its_memory(service: tuple[str, str]) -> None:
    """Under the largest requests the service stays below its limit of 256 MB: nothing was killed."""
    for _ in range(5):
        assert container_tools.reply(service[1], "/predict", {"texts": ["the film was not good at all " * 130] * 250})
    status = container_tools.podman("exec", service[0], "cat", "/proc/1/status")
    (most,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    FIGURES["MB resident at most"] = f"{int(most) * 1024 / _MEGABYTE:.0f}"
    state = json.loads(container_tools.podman("inspect", service[0]))[0]
    assert state["HostConfig"]["Memory"] == 256 * 1024 * 1024
    assert (state["State"]["Status"], state["State"]["OOMKilled"], state["RestartCount"]) == ("running", False, 0)


def test_a_stop_is_heard(built: Built) -> None:
    """SIGTERM ends the service by itself and with 0, within what `--drain` and podman's patience allow."""
    with container_tools.served(built.reference, "--drain", "1") as (name, _):
        container_tools.podman("stop", "--time", "30", name)
        assert container_tools.podman("inspect", "--format", "{{.State.ExitCode}}", name) == "0\n"
