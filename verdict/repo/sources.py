"""What a run starts from: the data that pointers (*.dvc) name, and pretrained weights, wherever they are."""

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
from verdict.repo.dvc import repository

if TYPE_CHECKING:
    from dvc.output import Output
    from dvc.repo import Repo
    from dvc.stage import Stage

# Where a project has such a program, it gets what it names from a public source.
_FETCH = "data/fetch.py"
# Where .dvc/config has a remote of this name, rows of a retraining wait there until main has them.
RETRAIN_REMOTE = "retrain"


def obtain_data(root: Path, remote: bool, lender: "Repo | None" = None, code: Path | None = None) -> None:
    """Put what each pointer names into the working tree at `root`, and into its cache.

    Args:
        root: a checkout.
        remote: whether its DVC remote may be asked.
        lender: another checkout, with the same cache: of its working tree what has the right hash is taken, and its
            remote is asked.
        code: the checkout whose data/fetch.py, if it has one, is run for the path that it names, by default `root`;
            what it gets is brought over.

    Raises:
        VerdictError: some data is nowhere to be had; it names the file, and every place that was asked.
    """
    from dvc.exceptions import DvcException

    try:
        with repository(root) as repo:
            pointers = {name: _hashes(stage) for name, stage in _pointers(repo).items()}
    except DvcException as error:
        raise VerdictError("dvc.yaml, *.dvc", _reason(error), "mend the file that is named here") from None
    for name, hashes in pointers.items():
        reasons = [obtain_targets(root, [name], remote)]
        if reasons[0] and lender:
            reasons += [_lent(lender, name, hashes), obtain_targets(root, [name], remote=False)]
        path = name.removesuffix(".dvc")
        if reasons[-1] and _has_a_source(code or root, path):
            reasons.append(_fetched(root, code or root, path) or obtain_targets(root, [name], remote=False))
        if reasons[-1]:
            what = f"{', '.join(hashes)[:8]}, which {name} names, cannot be had: {'; '.join(dict.fromkeys(reasons))}"
            remedy = f"put {path} back as it was when dvc add wrote {name}, or dvc push it where it is"
            raise VerdictError(path, what, remedy)
        # `repro --pull` refuses to go on over data that the cache does not have.
        with repository(root) as repo, repo.lock:
            _pointers(repo)[name].commit()


def obtain_targets(root: Path, targets: list[str], remote: bool) -> str:
    """Put the targets into the working tree, from the cache or the remote; why that cannot be, or nothing.

    Args:
        root: a checkout.
        targets: pointers, or outputs of stages, by their paths from `root`.
        remote: whether DVC's remote may be asked.
    """
    from dvc.exceptions import CheckoutError, DvcException

    with repository(root) as repo:
        outs = [out for target in targets for out in _outs(repo, target)]
        paths = [str(root / target) for target in targets]
        if not _at_hand(outs):
            try:
                if remote:
                    _fetch(repo, outs, targets)
                repo.checkout(targets=paths, force=True)
            except CheckoutError as error:
                places = "the cache nor on the remote" if remote else "the cache"
                return f"{', '.join(map(str, error.target_infos))}: not in {places}"
            except (DvcException, OSError) as error:
                return _reason(error)
        return "" if _at_hand(outs) else f"{', '.join(targets)}: not in the cache"


def _fetch(repo: "Repo", outs: "list[Output]", targets: list[str]) -> None:
    """Fetch from the default remote; what that lacks of what a pointer names, from the one of retraining."""
    from dvc.exceptions import DvcException

    paths = [str(Path(repo.root_dir) / target) for target in targets]
    waits = RETRAIN_REMOTE in repo.config["remote"] and all(target.endswith(".dvc") for target in targets)
    try:
        repo.fetch(targets=paths)
    except DvcException:
        if not waits:
            raise
    if waits and any(out.changed_cache() for out in outs):  # of what is missing DVC only warns
        repo.fetch(targets=paths, remote=RETRAIN_REMOTE)


def get_data(root: Path, remote: bool) -> str:
    """Put what each pointer names into the working tree, unless it was changed here; say that it is there.

    Raises:
        VerdictError: as `obtain_data`; or what is here is not what a pointer names, and nothing was changed.
    """
    with repository(root) as repo:
        outs = {name: stage.outs for name, stage in _pointers(repo).items()}
        changed = [name for name, found in outs.items() if any(out.exists for out in found) and not _at_hand(found)]
    if changed:
        raise _unpinned(changed[0], "was changed here")
    obtain_data(root, remote)
    return f"complete: {', '.join(name.removesuffix('.dvc') for name in outs)}"


def require_pinned(root: Path, pointer: str) -> None:
    """Refuse where what a pointer names is not here, or was changed."""
    with repository(root) as repo:
        outs = _pointers(repo)[pointer].outs
        if not _at_hand(outs):
            raise _unpinned(pointer, "was changed here" if any(out.exists for out in outs) else "is not here")


def _unpinned(pointer: str, what: str) -> VerdictError:
    path = pointer.removesuffix(".dvc")
    asked = f"dvc add {path}, where that is to stay; else remove it, and verdict data get"
    return VerdictError(
        path, f"is not what {pointer} names: it {what}", asked if "changed" in what else "verdict data get"
    )


def obtain_pretrained(root: Path, code: Path) -> None:
    """Get the pretrained weights that the chosen kind of model starts from: no stage may fetch any for itself.

    Where that fails it is said, and the stage that misses them fails, if it runs.

    Args:
        root: a checkout.
        code: the checkout whose data/fetch.py is run.
    """
    from verdict.classifier.features.pretrained import (
        FOLDER as START,  # with numpy, which not every job of a workflow installs
    )

    params = read(root / "params.yaml", "git diff params.yaml")
    kind = str((params.get("train") or {}).get("model"))
    pin = code / START / f"{kind}.json"
    if (root / START / kind).exists() or not pin.is_file() or "files" not in read_json(pin, f"git checkout {pin}"):
        return
    done = subprocess.run([sys.executable, _FETCH, "--start", kind], cwd=code, check=False)
    if done.returncode == 0 and code != root:
        copy_pretrained(code, root)


def copy_pretrained(source: Path, target: Path) -> None:
    """Put pretrained weights that one checkout has fetched into another: git ignores them."""
    from verdict.classifier.features.pretrained import (
        FOLDER as START,  # with numpy, which not every job of a workflow installs
    )

    for path in (path for path in (source / START).glob("*/*") if path.is_file()):
        place = target / START / path.parent.name / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, place)
        except OSError:  # another file system
            shutil.copy2(path, place)


def _lent(lender: "Repo", name: str, hashes: list[str]) -> str:
    """Put the lender's data into the cache, if it is the same, or fetch it from its remote; why that cannot be."""
    from dvc_data.hashfile.hash_info import HashInfo

    try:
        own = _pointers(lender).get(name)
        if own and _hashes(own) == hashes and _at_hand(own.outs):
            with lender.lock:
                own.commit()
            return ""
        # By hash: a relative address of a remote leads elsewhere from another checkout.
        lender.cloud.pull([HashInfo("md5", value) for value in hashes])
    except Exception as error:  # a remote's library has errors of its own, such as for a key that is missing
        return f"not in the working tree, nor from the remote: {_reason(error)}"
    return ""


def _has_a_source(code: Path, path: str) -> bool:
    """Whether a checkout's program gets what a pointer tracks: it names the path. It may be there for weights alone."""
    program = code / _FETCH
    text = program.read_text(encoding="utf-8") if program.is_file() else ""
    return re.search(rf"(?<![\w./-]){re.escape(path)}(?![\w/-]|\.\w)", text) is not None


def _fetched(root: Path, code: Path, path: str) -> str:
    """Get the raw data from its public source; why that cannot be."""
    command = [sys.executable, "-I", _FETCH]
    done = subprocess.run(command, cwd=code, check=False, capture_output=True, encoding="utf-8", errors="replace")
    if done.returncode:
        return f"nor from its source: {' '.join(done.stderr.split())[-300:]}"
    if code != root:
        _copy(code / path, root / path)
    return ""


def _copy(source: Path, target: Path) -> None:
    """Put a file or folder in the place of whatever lies there."""
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.exists():
        shutil.copy2(source, target)


def _pointers(repo: "Repo") -> "dict[str, Stage]":
    """The pointers of a checkout, by their paths."""
    from dvc.stage import PipelineStage

    stages = (stage for stage in repo.index.stages if not isinstance(stage, PipelineStage))
    return {Path(stage.path).relative_to(repo.root_dir).as_posix(): stage for stage in stages}


def _hashes(stage: "Stage") -> list[str]:
    return [str(out.hash_info.value) for out in stage.outs]


def _at_hand(outs: "list[Output]") -> bool:
    return bool(outs) and all(out.exists and not out.changed_checksum() for out in outs)


def _outs(repo: "Repo", target: str) -> "list[Output]":
    if target.endswith(".dvc"):
        return _pointers(repo)[target].outs if target in _pointers(repo) else []
    return list(repo.find_outs_by_path(str(Path(repo.root_dir) / target)))


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
