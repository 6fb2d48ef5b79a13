"""Get the inputs of a run, wherever they are: the data that pointers (*.dvc) name, and pretrained weights."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from verdict.base.documents import read
from verdict.base.errors import VerdictError
from verdict.base.files import read_json
from verdict.base.paths import PRETRAINED
from verdict.repo.dvc import one_line, repository

if TYPE_CHECKING:
    from dvc.output import Output
    from dvc.repo import Repo
    from dvc.stage import Stage

# A project's own program, if it has one, that gets the data it names from a public source.
_FETCH = "data/fetch.py"
# If .dvc/config has a remote of this name, new rows of a retraining are there until main has them.
RETRAIN_REMOTE = "retrain"


def obtain_data(root: Path, remote: bool, lender: "Repo | None" = None, code: Path | None = None) -> None:
    """Put the data of each pointer into the working tree at `root`, and into its cache.

    Args:
        root: a checkout.
        remote: whether its DVC remote may be asked.
        lender: another checkout, with the same cache: data in its working tree with the right hash are taken, and its
            remote is asked.
        code: the checkout, by default `root`, whose data/fetch.py, if it has one, is run for the path that it names;
            the data are copied over.

    Raises:
        VerdictError: some data cannot be had; the message names the file, and every place that was asked.
    """
    from dvc.exceptions import DvcException

    try:
        with repository(root) as repo:
            pointers = {name: _hashes(stage) for name, stage in _pointers(repo).items()}
    except DvcException as error:
        raise VerdictError("dvc.yaml, *.dvc", one_line(error), "mend the file that is named here") from None
    for name, hashes in pointers.items():
        reasons = [obtain_targets(root, [name], remote)]
        if reasons[0] and lender:
            reasons += [_borrow(lender, name, hashes), obtain_targets(root, [name], remote=False)]
        path = name.removesuffix(".dvc")
        if reasons[-1] and _can_fetch(code or root, path):
            reasons.append(_run_fetch_program(root, code or root, path) or obtain_targets(root, [name], remote=False))
        if reasons[-1]:
            what = f"{', '.join(hashes)[:8]}, which {name} names, cannot be had: {'; '.join(dict.fromkeys(reasons))}"
            remedy = f"put {path} back as it was when dvc add wrote {name}, or dvc push it where it is"
            raise VerdictError(path, what, remedy)
        # `repro --pull` stops at data that the cache lacks.
        with repository(root) as repo, repo.lock:
            _pointers(repo)[name].commit()


def obtain_targets(root: Path, targets: list[str], remote: bool) -> str:
    """Put the targets into the working tree, from the cache or the remote; return why that failed, or an empty string.

    Args:
        root: a checkout.
        targets: pointers, or outputs of stages, by their paths from `root`.
        remote: whether DVC's remote may be asked.
    """
    from dvc.exceptions import CheckoutError, DvcException

    with repository(root) as repo:
        outs = [out for target in targets for out in _outs(repo, target)]
        paths = [str(root / target) for target in targets]
        if not _is_complete(outs):
            try:
                if remote:
                    _fetch_from_remotes(repo, outs, targets)
                repo.checkout(targets=paths, force=True)
            except CheckoutError as error:
                places = "the cache nor on the remote" if remote else "the cache"
                return f"{', '.join(map(str, error.target_infos))}: not in {places}"
            except (DvcException, OSError) as error:
                return one_line(error)
        return "" if _is_complete(outs) else f"{', '.join(targets)}: not in the cache"


def _fetch_from_remotes(repo: "Repo", outs: "list[Output]", targets: list[str]) -> None:
    """Fetch from the default remote; data of pointers that it lacks, from the remote of retraining."""
    from dvc.exceptions import DvcException

    paths = [str(Path(repo.root_dir) / target) for target in targets]
    has_fallback = RETRAIN_REMOTE in repo.config["remote"] and all(target.endswith(".dvc") for target in targets)
    try:
        repo.fetch(targets=paths)
    except DvcException:
        if not has_fallback:
            raise
    if has_fallback and any(out.changed_cache() for out in outs):  # DVC only warns of missing files
        repo.fetch(targets=paths, remote=RETRAIN_REMOTE)


def get_data(root: Path, remote: bool) -> str:
    """Put the data of each pointer into the working tree, unless they were changed there; return a line for people.

    Raises:
        VerdictError: as `obtain_data`; or data differ from their pointer, and nothing was changed.
    """
    with repository(root) as repo:
        outs = {name: stage.outs for name, stage in _pointers(repo).items()}
        changed = [name for name, data in outs.items() if any(out.exists for out in data) and not _is_complete(data)]
    if changed:
        raise _not_pinned(changed[0], "was changed here")
    obtain_data(root, remote)
    return f"complete: {', '.join(name.removesuffix('.dvc') for name in outs)}"


def require_pinned(root: Path, pointer: str) -> None:
    """Refuse to go on if the data of a pointer are not here, or were changed."""
    with repository(root) as repo:
        outs = _pointers(repo)[pointer].outs
        if not _is_complete(outs):
            raise _not_pinned(pointer, "was changed here" if any(out.exists for out in outs) else "is not here")


def _not_pinned(pointer: str, what: str) -> VerdictError:
    path, remedy = pointer.removesuffix(".dvc"), "verdict data get"
    if "changed" in what:
        remedy = f"dvc add {path}, where that is to stay; else remove it, and {remedy}"
    return VerdictError(path, f"is not what {pointer} names: it {what}", remedy)


def obtain_pretrained(root: Path, code: Path) -> None:
    """Get the pretrained weights that the chosen kind of model starts from: no stage may fetch them itself.

    If that fails, a message says so, and the stage that needs them fails, if it runs.

    Args:
        root: a checkout.
        code: the checkout whose data/fetch.py is run.
    """
    params = read(root / "params.yaml", "git diff params.yaml")
    kind = str((params.get("train") or {}).get("model"))
    pin = code / PRETRAINED / f"{kind}.json"
    if (root / PRETRAINED / kind).exists() or not pin.is_file() or "files" not in read_json(pin, f"git checkout {pin}"):
        return
    process = subprocess.run([sys.executable, _FETCH, "--start", kind], cwd=code, check=False)
    if process.returncode == 0 and code != root:
        copy_pretrained(code, root)


def copy_pretrained(source: Path, target: Path) -> None:
    """Copy the pretrained weights of one checkout into another: git ignores them."""
    for path in (path for path in (source / PRETRAINED).glob("*/*") if path.is_file()):
        copy = target / PRETRAINED / path.parent.name / path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, copy)
        except OSError:  # another file system
            shutil.copy2(path, copy)


def _borrow(lender: "Repo", name: str, hashes: list[str]) -> str:
    """Put the lender's data into the cache, if they are the same, or fetch from its remote; return why it failed."""
    from dvc_data.hashfile.hash_info import HashInfo

    try:
        pointer = _pointers(lender).get(name)
        if pointer and _hashes(pointer) == hashes and _is_complete(pointer.outs):
            with lender.lock:
                pointer.commit()
            return ""
        # By hash: a relative address of a remote leads elsewhere from another checkout.
        lender.cloud.pull([HashInfo("md5", value) for value in hashes])
    except Exception as error:  # a remote's library has errors of its own, such as for a key that is missing
        return f"not in the working tree, nor from the remote: {one_line(error)}"
    return ""


def _can_fetch(code: Path, path: str) -> bool:
    """Return whether a checkout's data/fetch.py gets a path, that is, names it: it may exist for weights alone."""
    program = code / _FETCH
    text = program.read_text(encoding="utf-8") if program.is_file() else ""
    return re.search(rf"(?<![\w./-]){re.escape(path)}(?![\w/-]|\.\w)", text) is not None


def _run_fetch_program(root: Path, code: Path, path: str) -> str:
    """Get the raw data from their public source; return why it failed."""
    command = [sys.executable, "-I", _FETCH]
    process = subprocess.run(command, cwd=code, check=False, capture_output=True, encoding="utf-8", errors="replace")
    if process.returncode:
        return f"nor from its source: {' '.join(process.stderr.split())[-300:]}"
    if code != root:
        _copy(code / path, root / path)
    return ""


def _copy(source: Path, target: Path) -> None:
    """Replace `target` by a copy of a file or folder."""
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.exists():
        shutil.copy2(source, target)


def _pointers(repo: "Repo") -> "dict[str, Stage]":
    """Return the pointers of a checkout, by their paths."""
    from dvc.stage import PipelineStage

    stages = (stage for stage in repo.index.stages if not isinstance(stage, PipelineStage))
    return {Path(stage.path).relative_to(repo.root_dir).as_posix(): stage for stage in stages}


def _hashes(stage: "Stage") -> list[str]:
    return [str(out.hash_info.value) for out in stage.outs]


def _is_complete(outs: "list[Output]") -> bool:
    return bool(outs) and all(out.exists and not out.changed_checksum() for out in outs)


def _outs(repo: "Repo", target: str) -> "list[Output]":
    if target.endswith(".dvc"):
        return _pointers(repo)[target].outs if target in _pointers(repo) else []
    return list(repo.find_outs_by_path(str(Path(repo.root_dir) / target)))
