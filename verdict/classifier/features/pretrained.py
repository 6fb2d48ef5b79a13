"""Pretrained checkpoints that an encoder starts from, checked byte for byte; other kinds start from nothing.

data/start/KIND.json names the start, so that the DAG depends on the file of the chosen kind alone. Only three files of
a checkpoint are read, config.json, tokenizer.json and model.safetensors: none of them holds code.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.files import read_json, replacing, sha256
from verdict.base.paths import PRETRAINED
from verdict.classifier.features.tokens import CONFIG, TOKENIZER, missing_library

# The folder within data/features of the weights that the training starts from.
START = "start"
WEIGHTS = "model.safetensors"
FILES = (CONFIG, WEIGHTS, TOKENIZER)
_HUB = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)@(?P<commit>[0-9a-f]{40})")
_LOCAL = re.compile(r"(?P<folder>.+)@(?P<hash>[0-9a-f]{64})")
_KEY = "featurize.tokens.checkpoint"


def require_start(kind: str) -> None:
    """Read data/start/KIND.json; `VerdictError` when it is missing or damaged."""
    path = Path(PRETRAINED, f"{kind}.json")
    document = read_json(path, f"git checkout {path}")
    if not isinstance(document, dict) or "from" not in document:
        raise VerdictError(str(path), "does not say what it starts from", f"git checkout {path}")


def pretrained_folder(reference: str) -> Path:
    """Check the files of a checkpoint, and return its folder.

    Args:
        reference: `data/start/NAME`, pinned by data/start/NAME.json and fetched when it is not there yet;
            `owner/name@commit` of the Hugging Face hub; or `folder@hash`, where the hash is the SHA-256 of its weights.

    Raises:
        VerdictError: it is not there, not pinned, or not what the pin says.
    """
    if match := _HUB.fullmatch(reference):
        return _hub_folder(match["name"], match["commit"])
    if match := _LOCAL.fullmatch(reference):
        return _local_folder(Path(match["folder"]), match["hash"])
    if Path(reference).parent == Path(PRETRAINED):
        return _pinned_folder(Path(reference))
    weights = Path(reference) / WEIGHTS
    if weights.is_file():
        remedy = f"{_KEY}: {reference}@{sha256(weights)}"
        raise VerdictError("params.yaml", f"{_KEY}: {reference} is not pinned, so its contents could change", remedy)
    what = f"{_KEY}: {reference!r} is no pinned checkpoint"
    raise VerdictError("params.yaml", what, "data/start/encoder, owner/name@commit (40 digits), or folder@SHA-256")


def copy_pretrained_weights(source: Path, target: Path) -> None:
    """Copy a checkpoint's config and weights; its tokenizer goes with the token ids."""
    for name in (CONFIG, WEIGHTS):
        with replacing(target / name) as partial:
            shutil.copyfile(source / name, partial)


def _pinned_folder(folder: Path) -> Path:
    pin = folder.with_suffix(".json")
    document = read_json(pin, f"git checkout {pin}")
    files = document.get("files") if isinstance(document, dict) else None
    if not isinstance(files, dict) or set(files) != set(FILES):
        raise VerdictError(str(pin), f"does not pin {', '.join(FILES)}", f"git checkout {pin}")
    if not folder.exists():
        process = subprocess.run([sys.executable, "-I", "data/fetch.py", "--start", folder.name], check=False)
        if process.returncode:
            raise VerdictError(
                str(folder), "could not be fetched (see above)", f"python -I data/fetch.py --start {folder.name}"
            )
    for name, expected in files.items():
        _require_file(folder / name)
        if sha256(folder / name) != expected:
            remedy = f"delete {folder}, then python -I data/fetch.py --start {folder.name}"
            raise VerdictError(str(folder / name), f"not the file that {pin} pins", remedy)
    return folder


def _local_folder(folder: Path, expected: str) -> Path:
    for name in FILES:
        _require_file(folder / name)
    if (actual := sha256(folder / WEIGHTS)) != expected:
        remedy = f"{_KEY}: {folder}@{actual}, if this is what you mean"
        raise VerdictError(str(folder / WEIGHTS), "not the weights that params.yaml names", remedy)
    return folder


def _require_file(path: Path) -> None:
    if not path.is_file():
        what = "no such file; weights in other formats than safetensors can hold code and are not read"
        raise VerdictError(str(path), what, "a checkpoint with config.json, tokenizer.json and model.safetensors")


def _hub_folder(name: str, commit: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise missing_library("huggingface_hub") from None
    try:
        folder = Path(snapshot_download(name, revision=commit, allow_patterns=list(FILES)))
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise VerdictError(
            f"{name}@{commit}", f"not to be had from the hub: {reason}", "check name, commit and network"
        ) from None
    for file in FILES:
        _require_file(folder / file)
    return folder
