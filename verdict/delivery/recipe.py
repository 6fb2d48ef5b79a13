"""The recipe of an image: the stages of Dockerfile that it needs, and the files that they copy."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from verdict.base.documents import parse
from verdict.base.paths import ARTIFACT, REFERENCE

_STAGE = re.compile(r"^FROM (?P<of>\S+) AS (?P<name>\w+)$", re.MULTILINE)


def target_of(kind: str) -> str:
    """Return the stage that serves an artifact of a kind."""
    return "encoder" if kind == "encoder" else "serving"


def kind_of(root: Path) -> str:
    """Return the kind of artifact that a checkout's params.yaml chooses."""
    params = root / "params.yaml"
    return str(parse(params.read_text(encoding="utf-8"), str(params), "verdict params")["train"]["model"])


def stages_of(root: Path, target: str, kind: str = "") -> str:
    """Return Dockerfile without comments and without the stages that a target does not need.

    Args:
        root: a checkout.
        target: the last stage.
        kind: whose packages the target `sbom` lists.
    """
    text = (root / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n|^\n", "", text, flags=re.MULTILINE)
    text = text.replace("FROM ${ENVIRONMENT}", f"FROM {'torch' if kind == 'encoder' else 'builder'}")
    head, *stages = re.split(r"^(?=FROM )", text, flags=re.MULTILINE)
    named = {match["name"]: stage for stage in stages if (match := _STAGE.match(stage))}
    needed, waiting = set[str](), {target}
    while waiting:
        needed |= waiting
        used = {name for stage in waiting for name in re.findall(r"(?:^FROM |--from=)(\w+)", named[stage])}
        waiting = (used & set(named)) - needed
    return head + "".join(stage for name, stage in named.items() if name in needed)


def copied_files(stages: str, root: Path) -> list[Path]:
    """Return the files of a checkout that stages copy, without outputs of the DAG and hidden files."""
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", stages, flags=re.MULTILINE)
    patterns = [pattern for line in lines for pattern in line.split() if pattern not in (ARTIFACT, REFERENCE)]
    paths = [path for pattern in patterns for path in root.glob(pattern)]
    files = [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]
    hidden = re.compile(r"/(\.|__pycache__/)")
    return sorted({file for file in files if not hidden.search(f"/{file.relative_to(root)}")})


def reference_hash(root: Path) -> str:
    """Return the hash of the reference in dvc.lock, without reading the file; empty where there is none."""
    lock = root / "dvc.lock"
    stages = parse(lock.read_text(encoding="utf-8"), str(lock), "verdict repro")["stages"] if lock.exists() else {}
    outs = (stages.get("reference") or {}).get("outs") or []
    return next((str(out["md5"]) for out in outs if out["path"] == REFERENCE), "")


@contextmanager
def context(root: Path, target: str, kind: str = "") -> Iterator[Path]:
    """Make a temporary folder with these stages as its Dockerfile, and the files that they copy."""
    stages = stages_of(root, target, kind)
    with TemporaryDirectory(prefix="verdict-image-") as name:
        folder = Path(name)
        for path in copied_files(stages, root):
            place = folder / path.relative_to(root)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
        (folder / "Dockerfile").write_text(stages, encoding="utf-8")
        yield folder
