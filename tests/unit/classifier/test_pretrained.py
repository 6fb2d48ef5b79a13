"""Tests of classifier/features/pretrained.py: what an encoder starts from is pinned, whole, and holds no code."""

import json
from pathlib import Path

import pytest

from tests.checkpoints import write_checkpoint
from tests.conftest import ROOT
from verdict.base.errors import VerdictError
from verdict.base.files import sha256, write_json
from verdict.classifier.features.pretrained import FILES, copy_pretrained_weights, pretrained_folder, require_start


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pin(name: str) -> None:
    """Pin data/start/NAME as it is."""
    folder = Path("data/start") / name
    write_json(folder.with_suffix(".json"), {"from": "tests", "files": {file: sha256(folder / file) for file in FILES}})


def test_a_pinned_checkpoint_is_checked_byte_for_byte(here: Path) -> None:
    """data/start/NAME is taken as it was pinned; a change of any of its files is refused by that file's name."""
    write_checkpoint(Path("data/start/tiny"))
    pin("tiny")
    assert pretrained_folder("data/start/tiny") == Path("data/start/tiny")
    for name in FILES:
        path = Path("data/start/tiny") / name
        before = path.read_bytes()
        path.write_bytes(before + b" ")
        with pytest.raises(VerdictError, match=f"{name}: not the file that"):
            pretrained_folder("data/start/tiny")
        path.write_bytes(before)


def test_a_folder_is_taken_with_the_hash_of_its_weights_alone(here: Path) -> None:
    """A local folder needs its weights' hash: without one the error gives it, with another one it is refused."""
    reference = write_checkpoint(Path("own"))
    assert pretrained_folder(reference) == Path("own")
    with pytest.raises(VerdictError, match="not pinned") as caught:
        pretrained_folder("own")
    assert reference in caught.value.remedy
    with pytest.raises(VerdictError, match="not the weights"):
        pretrained_folder(f"own@{'0' * 64}")


def test_weights_that_can_hold_code_are_not_read(here: Path) -> None:
    """A checkpoint with a pickle instead of safetensors is refused, and the error says why."""
    reference = write_checkpoint(Path("own"))
    Path("own/model.safetensors").rename("own/pytorch_model.bin")
    with pytest.raises(VerdictError, match=r"model\.safetensors: no such file; weights in other formats"):
        pretrained_folder(reference)


@pytest.mark.parametrize("reference", ["nowhere", "owner/name", "owner/name@main", "../out", "data/start"])
def test_a_reference_that_is_not_pinned_is_refused(here: Path, reference: str) -> None:
    """A name, a branch of the hub, or a path that is not there is refused with the forms that are taken."""
    with pytest.raises(VerdictError, match="no pinned checkpoint"):
        pretrained_folder(reference)


def test_config_and_weights_are_copied(here: Path) -> None:
    """What training needs lies with the features."""
    write_checkpoint(Path("own"))
    copy_pretrained_weights(Path("own"), Path("features/start"))
    assert {path.name for path in Path("features/start").iterdir()} == {"config.json", "model.safetensors"}


@pytest.mark.parametrize("kind", ["linear", "bag", "encoder"])
def test_each_kind_says_what_it_starts_from(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The repository's file of each kind is readable, and the encoder's pins a package and all files by SHA-256."""
    monkeypatch.chdir(ROOT)
    require_start(kind)
    document = json.loads(Path(f"data/start/{kind}.json").read_text(encoding="utf-8"))
    if kind == "encoder":
        assert set(document["files"]) == set(FILES)
        assert "==" in document["from"]
        assert all(len(digest) == 64 for digest in [document["sha256"], *document["files"].values()])


def test_a_missing_statement_is_told(here: Path) -> None:
    """Without data/start/KIND.json, or with another content, the stage ends with its name."""
    with pytest.raises(VerdictError, match=r"data/start/linear\.json: no such file"):
        require_start("linear")
    write_json(Path("data/start/linear.json"), [])
    with pytest.raises(VerdictError, match="does not say"):
        require_start("linear")
