"""What an image is made of, and what is refused; buildah and skopeo are played, tests/images runs the real ones."""

import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.conftest import ROOT
from verdict.base.errors import VerdictError
from verdict.base.files import sha256
from verdict.delivery import images
from verdict.delivery.recipe import copied_files, reference_hash, stages_of

_OTHERS = shutil.ignore_patterns("__pycache__", "review", "ci", "experiments", "repo", "init")
PLACE = "app/models/classifier/"
NAMES = {
    "org.opencontainers.image.version": "v1.0.0",
    "org.opencontainers.image.revision": "c" * 40,
    "verdict.artifact": "a" * 64,
    "verdict.inputs": "b" * 64,
}


class Played:
    """Takes the place of buildah and skopeo: a registry with one base, and one image that a test has laid out."""

    def __init__(self, folder: Path) -> None:
        self.image, self.base, self.calls = folder, b"{}", list[list[str]]()

    def run(self, command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        """Write down the call; give what the program would."""
        self.calls.append(command)
        if command[1] == "push":
            Path(command[command.index("--digestfile") + 1]).write_text("sha256:pushed\n", encoding="utf-8")
        if command[1] == "copy" and command[-1].startswith("dir:"):
            shutil.copytree(self.image, command[-1].removeprefix("dir:"), dirs_exist_ok=True)
        return subprocess.CompletedProcess(command, 0, self.base, b"")


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Played:
    """What plays the programs."""
    (tmp_path / "image").mkdir()
    played = Played(tmp_path / "image")
    monkeypatch.setattr(subprocess, "run", played.run)
    monkeypatch.delenv("VERDICT_BASE_IMAGE", raising=False)
    monkeypatch.delenv("PIP_CONFIG_FILE", raising=False)
    return played


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with all that an image is made of, and more."""
    folder = tmp_path / "root"
    for name in ("verdict", "requirements"):
        shutil.copytree(ROOT / name, folder / name, ignore=_OTHERS)
    for name in ("Dockerfile", "requirements.txt", "params.yaml"):
        shutil.copyfile(ROOT / name, folder / name)
    artifact = folder / "models/classifier"
    artifact.mkdir(parents=True)
    (artifact / "weights.safetensors").write_bytes(b"weights")
    (folder / "models/reference.json").write_bytes(b"{}")
    shutil.copyfile(ROOT / "dvc.lock", folder / "dvc.lock")
    written = {"kind": "linear", "files": {"weights.safetensors": hashlib.sha256(b"weights").hexdigest()}}
    (artifact / "manifest.json").write_text(json.dumps(written), encoding="utf-8")
    return folder


def lay_out(folder: Path, files: dict[str, bytes], labels: dict[str, str] | None = None) -> None:
    """An image in a registry, whose last layer holds these files."""
    with tarfile.open(folder / "1a", "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    (folder / "0c").write_text(json.dumps({"config": {"Labels": labels}}), encoding="utf-8")
    manifest = {"config": {"digest": "sha256:0c"}, "layers": [{"digest": "sha256:00"}, {"digest": "sha256:1a"}]}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def artifact_of(root: Path) -> dict[str, bytes]:
    """The files of its artifact, as the last layer has them."""
    return {PLACE + path.name: path.read_bytes() for path in (root / "models/classifier").iterdir()}


def labelled(root: Path) -> images.Labels:
    """Labels that are so."""
    return images.Labels("v1.0.0", "c" * 40, sha256(root / "models/classifier/manifest.json"), images.inputs(root))


def change(path: Path, old: str, new: str) -> None:
    """Put one text for another, which must be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.usefixtures("played")
@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("verdict/web/server.py", "GRACE = 25", "GRACE = 26"),
        ("verdict/classifier/models/linear/__init__.py", "import", "import "),
        ("verdict/serving/page.html", "<html", "<html "),
        ("requirements/serving.txt", "numpy==", "numpy===="),
        ("Dockerfile", "USER 65532:65532\nHEALTHCHECK", "USER 65533:65533\nHEALTHCHECK"),
        ("Dockerfile", "--no-compile", "--no-compile --no-deps"),
        ("Dockerfile", "3.11-slim", "3.12-slim"),
    ],
)
def test_what_an_image_is_made_of_moves_its_inputs(root: Path, file: str, old: str, new: str) -> None:
    """Code that serves, its pins, and what Dockerfile does for the served stage count."""
    if file == "Dockerfile":
        (root / file).write_text(stages_of(root, "serving"), encoding="utf-8")
    before = images.inputs(root)
    change(root / file, old, new)
    assert images.inputs(root) != before


@pytest.mark.usefixtures("played")
def test_another_reference_moves_the_inputs(root: Path) -> None:
    """It is in a layer of its own: dvc.lock says whether it is another one, without a file of it."""
    before = images.inputs(root)
    (root / "models/reference.json").unlink()
    assert images.inputs(root) == before
    change(root / "dvc.lock", reference_hash(root), "0" * 32)
    assert images.inputs(root) != before


def test_another_base_moves_the_inputs(root: Path, played: Played) -> None:
    """The base is asked of its registry, by digest: the same tag may be another image tomorrow."""
    before = images.inputs(root)
    played.base = b'{"other": 1}'
    assert images.inputs(root) != before


@pytest.mark.usefixtures("played")
def test_what_no_image_holds_leaves_the_inputs(root: Path) -> None:
    """Comments of Dockerfile, the trainer, its pins, other commands, training, hidden files and the artifact do not."""
    before = images.inputs(root)
    change(root / "Dockerfile", "# By number", "# By any number")
    change(root / "Dockerfile", "install --yes --no-install-recommends git make", "install --yes git make nano")
    change(root / "requirements.txt", "torch==", "torch====")
    change(root / "verdict/cli/doctor.py", "import", "import ")
    change(root / "verdict/classifier/training/loop.py", "import", "import ")
    (root / "verdict/serving/.env").write_text("A=1", encoding="utf-8")
    (root / "verdict/serving/__pycache__").mkdir()
    (root / "verdict/serving/__pycache__/x.pyc").write_bytes(b"")
    (root / "models/classifier/weights.safetensors").write_bytes(b"other")
    assert images.inputs(root) == before


@pytest.mark.usefixtures("played")
def test_an_encoder_is_made_of_more(root: Path) -> None:
    """Its image counts the pins of its libraries and of torch, which no other image has."""
    change(root / "params.yaml", "model: linear", "model: encoder")
    before = images.inputs(root)
    change(root / "requirements.txt", "torch==", "torch====")
    assert images.inputs(root) != before


def test_a_build_uses_the_base_that_was_counted(root: Path, played: Played) -> None:
    """Buildah gets the base by the digest that the registry gave, each label, no cache and no time of its own."""
    labels = labelled(root)
    lay_out(played.image, {})
    config = {"architecture": "amd64", "os": "linux", "created": "0", "rootfs": {}, "history": [{"comment": "FROM 1"}]}
    config["config"] = {"Hostname": "by chance", "User": "65532"}
    (played.image / "0c").write_text(json.dumps(config), encoding="utf-8")
    found = images.build(root, root / "models/classifier", labels, "registry/verdict:v1.0.0")
    config["config"], config["history"] = {"User": "65532"}, [{}]
    assert found == f"sha256:{hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()}"
    (call,) = [" ".join(call) for call in played.calls if call[:2] == ["buildah", "build"]]
    base = f"docker.io/library/python@sha256:{hashlib.sha256(b'{}').hexdigest()}"
    assert f"--build-arg=BASE_IMAGE={base}" in call
    assert f"--build-arg=VERSION=v1.0.0 --build-arg=COMMIT={'c' * 40}" in call
    assert f"--build-arg=ARTIFACT={labels.artifact} --build-arg=INPUTS={labels.inputs}" in call
    assert "--timestamp 0" in call
    assert "--no-cache" in call
    assert "tls-verify" not in call


@pytest.mark.usefixtures("played")
@pytest.mark.parametrize("wrong", ["artifact", "inputs"])
def test_labels_that_are_not_so_are_refused(root: Path, wrong: str) -> None:
    """An image never says that it holds another artifact, or was made of something else, than is so."""
    labels = images.Labels(**{**labelled(root).__dict__, wrong: "0" * 64})
    with pytest.raises(VerdictError, match=wrong):
        images.build(root, root / "models/classifier", labels, "registry/verdict:v1.0.0")


def test_an_image_is_read_back(root: Path, played: Played) -> None:
    """Digest and labels are the registry's; the manifest's hash is that of the last layer, whatever a label says."""
    lay_out(played.image, artifact_of(root), NAMES)
    image = images.read("registry/verdict:v1.0.0")
    assert image.digest == f"sha256:{sha256(played.image / 'manifest.json')}"
    assert image.labels == images.Labels("v1.0.0", "c" * 40, "a" * 64, "b" * 64)
    assert image.manifest == sha256(root / "models/classifier/manifest.json")


@pytest.mark.parametrize(
    "forged",
    [
        {f"{PLACE}weights.safetensors": b"other"},
        {f"{PLACE}more": b""},
        {"app/verdict/serving/server.py": b""},
        {f"{PLACE}.wh.weights.safetensors": b""},
        {f"{PLACE}manifest.json": b"{}"},
        {f"{PLACE}manifest.json": b"["},
        {f"{PLACE}manifest.json": b"[]"},
    ],
)
def test_a_layer_that_is_no_whole_artifact_is_refused(root: Path, played: Played, forged: dict[str, bytes]) -> None:
    """Other weights, a file more, other code, a file taken away, a manifest that is none: the image is named."""
    lay_out(played.image, {**artifact_of(root), **forged}, NAMES)
    with pytest.raises(VerdictError, match=r"registry/verdict:v1.*last layer is not an artifact"):
        images.read("registry/verdict:v1")


@pytest.mark.parametrize("name", ["other", "weights.safetensors", "manifest.json"])
def test_links_and_second_files_are_refused(root: Path, played: Played, name: str) -> None:
    """A link, or a name that comes twice in the layer, of which either may be unpacked: the image is refused."""
    lay_out(played.image, artifact_of(root), NAMES)
    with tarfile.open(played.image / "1a") as archive:
        members = [(member, archive.extractfile(member)) for member in archive]
        link = tarfile.TarInfo(PLACE + name)
        link.type, link.linkname = tarfile.SYMTYPE, "nowhere"
        for more in ([(link, None)], [one for one in members if one[0].name == PLACE + name]):
            with tarfile.open(played.image / "1a.new", "w:gz") as forged:
                for member, file in members + more:
                    if file is not None:
                        file.seek(0)
                    forged.addfile(member, file)
            if more:
                (played.image / "1a.new").rename(played.image / "1a")
                with pytest.raises(VerdictError, match="last layer is not an artifact"):
                    images.read("registry/verdict:v1")


def test_a_layer_without_the_artifact_is_refused(played: Played) -> None:
    """A layer on top, though it be empty, hides what lies below."""
    lay_out(played.image, {}, NAMES)
    with pytest.raises(VerdictError, match="last layer is not an artifact"):
        images.read("registry/verdict:v1")


def test_an_image_of_others_is_refused(root: Path, played: Played) -> None:
    """An image without one of the labels is told with the label that it lacks."""
    for labels in (None, {key: value for key, value in NAMES.items() if key != "verdict.inputs"}):
        lay_out(played.image, artifact_of(root), labels)
        with pytest.raises(VerdictError, match="has no label"):
            images.read("registry/verdict:v1")


@pytest.mark.parametrize(
    ("host", "plain"), [("127.0.0.1:5000", True), ("ghcr.io", False), ("127.0.0.1.example", False)]
)
def test_only_this_machine_is_spoken_to_without_tls(root: Path, played: Played, host: str, plain: bool) -> None:
    """A registry on 127.0.0.1 has no certificate; any other must show one, whatever its name begins with."""
    lay_out(played.image, artifact_of(root), NAMES)
    assert images.push(f"{host}/verdict:v1") == "sha256:pushed"
    images.read(f"{host}/verdict:v1")
    assert ["tls-verify=false" in " ".join(call) for call in played.calls] == [plain] * 2


def test_a_missing_program_is_told(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without skopeo the message names it, and how to get it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(VerdictError, match=r"skopeo: is not installed(.|\n)*apt-get install skopeo"):
        images.inputs(root)


def test_a_program_that_fails_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the program said last stands in the message."""

    def fails(command: list[str], **_: object) -> None:
        raise subprocess.CalledProcessError(1, command, b"", b"a warning\nmanifest unknown\n")

    monkeypatch.setattr(subprocess, "run", fails)
    with pytest.raises(VerdictError, match="skopeo: inspect failed: a warning / manifest unknown"):
        images.inputs(root)


def test_an_index_of_ones_own_is_a_secret_of_the_build(
    root: Path, played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pip's settings reach a build as a secret, which no layer keeps, and no argument, which the history would."""
    labels = labelled(root)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/etc/own/pip.conf")
    with pytest.raises(FileNotFoundError):  # buildah wrote nothing here
        images.sbom(root, labels)
    assert "--secret=id=pip,src=/etc/own/pip.conf" in played.calls[-1]


@pytest.mark.parametrize(
    ("given", "repository"),
    [
        ("python:3.12", "python"),
        ("127.0.0.1:5000/mirror/python", "127.0.0.1:5000/mirror/python"),
        ("mirror.example:5000/python:3.11@sha256:00", "mirror.example:5000/python"),
    ],
)
def test_a_mirror_of_the_base_is_named_by_digest(
    root: Path, played: Played, monkeypatch: pytest.MonkeyPatch, given: str, repository: str
) -> None:
    """VERDICT_BASE_IMAGE may have a tag, a digest or neither: what is built on is what its registry holds now."""
    labels = labelled(root)
    monkeypatch.setenv("VERDICT_BASE_IMAGE", given)
    with pytest.raises(FileNotFoundError):  # buildah wrote nothing here
        images.sbom(root, labels)
    digest = hashlib.sha256(played.base).hexdigest()
    assert f"--build-arg=BASE_IMAGE={repository}@sha256:{digest}" in played.calls[-1]


def test_what_scores_and_what_counts_labels_share_no_driver_and_no_model() -> None:
    """The service has no database and no bucket; who counts labels no artifact, and nothing that scores."""
    files = {name: copied_files(stages_of(ROOT, name), ROOT) for name in ("serving", "feedback")}
    relative = {name: {str(path.relative_to(ROOT)) for path in paths} for name, paths in files.items()}
    pins = {name: (ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8") for name in files}
    for word in ("sqlalchemy", "psycopg", "pyrage", "fsspec", "s3fs"):
        assert word not in pins["serving"]
    for word in ("numpy", "safetensors", "fastapi", "pandas", "torch", "scikit-learn", "dvc"):
        assert f"\n{word}==" not in pins["feedback"]
    assert not [path for path in relative["serving"] if "feedback" in path or "postgresql" in path]
    assert not [path for path in relative["feedback"] if re.match("verdict/(serving|classifier|repo|ci)/", path)]
    assert "artifact" not in stages_of(ROOT, "feedback")
    assert {"verdict/monitoring/feedback/store.py", "requirements/postgresql.txt"} <= relative["feedback"]
