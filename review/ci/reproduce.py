"""The run: reproduce a change from main's results, and hand over what came out. Nobody trusts it; the judge looks.

It starts from main's dvc.lock, metrics and plots, not from the author's: a lock that was invented to be consistent
would make DVC skip everything.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from classifier.errors import VerdictError
from review import run
from review.ci import bundle
from review.ci.locks import differences, stages_of
from review.dvc import settings
from review.git import git
from review.lock import LOCK, Stage, definitions
from review.paths import ARTIFACT, PREDICTIONS, TEST
from review.remote.storage import Storage
from review.revisions import Revision, resolve, working_tree

if TYPE_CHECKING:
    from dvc.output import Output
    from dvc.repo import Repo

RAW = "data/raw"
PREPARED = "data/prepared/"
# What the judge cannot do without, by the candidate's dvc.lock.
_NEEDED = (ARTIFACT, PREDICTIONS[0], TEST)


def reproduce(root: Path, base_name: str, out: Path, remote: bool) -> None:
    """Reproduce the checkout at `root`, and fill `out` with a bundle, also when a stage fails.

    Args:
        root: a checkout of the merge of a change with main.
        base_name: main, such as HEAD^1 of a merge with it.
        out: the bundle's folder; a log that lies there already becomes part of it.
        remote: whether DVC's remote may be asked.

    Raises:
        VerdictError: the run failed; the bundle says so, too.
    """
    base, author = resolve(root, base_name), Revision(root, "HEAD", "HEAD")
    try:
        claimed = stages_of(author.text(LOCK), "HEAD") if author.text(LOCK) else {}
        begin_from(base)
        _forget_narrowed(root)
        remote = remote and answers(root)
        if not remote:
            without_remote(root)
        run_dag(root, remote)
        _prune(root)
    except run.StageError as error:
        _hand_over(root, out, bundle.Head(bundle.FAILED, error.stage, error.what[:1000]), [])
        raise
    except VerdictError as error:
        _hand_over(root, out, bundle.Head(bundle.FAILED, None, str(error)[:1000]), [])
        raise
    _hand_over(root, out, bundle.Head(bundle.REPRODUCED), outputs(root, base))
    found = differences(claimed, stages_of((root / LOCK).read_text(encoding="utf-8"), "the run"))
    print("\n".join(found) or f"reproduced: {LOCK} is what the author committed")


def answers(root: Path) -> bool:
    """Whether the remote can be asked; where it cannot, the log says why, and the run goes on without it."""
    try:
        with Storage(root):
            return True
    except VerdictError as error:
        print(f"going on without the remote: {error}")
        return False


def without_remote(root: Path) -> None:
    """Name an empty folder as this checkout's remote: DVC looks for listings there, also where nothing is pulled."""
    with settings(root).edit("local") as config:
        config["core"]["remote"] = "nowhere"
        config["remote"]["nowhere"] = {"url": "tmp/nowhere"}


def begin_from(base: Revision) -> None:
    """Put main's dvc.lock, and the outputs that git tracks there, into the working tree."""
    root, text = base.root, base.text(LOCK)
    if text is None:  # a repository's first run
        (root / LOCK).unlink(missing_ok=True)
        return
    (root / LOCK).write_text(text, encoding="utf-8")
    tracked = git(root, "ls-tree", "-r", "--name-only", "-z", str(base.commit), "--", *stage_outputs(text)).split("\0")
    if paths := list(filter(None, tracked)):
        git(root, "checkout", "--quiet", str(base.commit), "--", *paths)


def _forget_narrowed(root: Path) -> None:
    """Take entries out of dvc.lock whose stage lost a dependency, a param or an output: DVC overlooks that."""
    if not (root / LOCK).exists():
        return
    stages = stages_of((root / LOCK).read_text(encoding="utf-8"), "main")
    narrowed = [stage.name for stage in definitions(root) if _is_narrower(stage, stages.get(stage.name) or {})]
    if narrowed:
        kept = {name: entry for name, entry in stages.items() if name not in narrowed}
        text = yaml.safe_dump({"schema": "2.0", "stages": kept}, sort_keys=False)
        (root / LOCK).write_text(text, encoding="utf-8")


def _is_narrower(stage: Stage, entry: dict[str, Any]) -> bool:
    paths = {item["path"] for part in ("deps", "outs") for item in entry.get(part) or []}
    params = {(file, key) for file, keys in (entry.get("params") or {}).items() for key in keys}
    now = {(file, key) for file, keys in stage.params.items() for key in keys}
    return bool(paths - {*stage.deps, *stage.cached_outs, *stage.tracked_outs} or params - now)


def stage_outputs(lock: str) -> list[str]:
    """All outputs that a dvc.lock names."""
    entries = stages_of(lock, "main").values()
    return [out["path"] for entry in entries for out in entry.get("outs") or []]


def run_dag(root: Path, remote: bool) -> None:
    """`dvc repro` with as little work as there is a record for: from the cache, then the remote, else by running.

    The first try skips what did not change, data or no data. It is enough when what the judge needs can be had;
    where it cannot (an empty remote, a cache that was evicted), the raw data is fetched and all that is missing runs.
    """
    check_out(root)
    try:
        run.reproduce(root, pull=remote, allow_missing=True)
        if obtain(root, list(_NEEDED), remote):
            return
        reason = "its results are neither in the cache nor on the remote"
    except run.StageError:
        raise
    except VerdictError as error:
        reason = error.what
    print(f"running what is missing: {reason}")
    obtain_raw(root, remote)
    run.reproduce(root)


def check_out(root: Path) -> None:
    """Put what the cache has of main's results into the working tree; what it lacks is seen later."""
    from dvc.exceptions import CheckoutError
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        try:
            repo.checkout(force=True, allow_missing=True)
        except CheckoutError as error:
            print(f"not all of main's results are in the cache: {len(error.target_infos)} are missing")


def obtain_raw(root: Path, remote: bool) -> None:
    """The raw data that data/raw.dvc names: from the cache, the remote, or its public source, and then in the cache."""
    from dvc.repo import Repo

    if obtain(root, [f"{RAW}.dvc"], remote):
        return
    command = [sys.executable, "data/fetch.py"]
    done = subprocess.run(command, cwd=root, check=False, capture_output=True, encoding="utf-8", errors="replace")
    if done.returncode:
        what = f"neither in the cache, nor on the remote, nor from its source: {' '.join(done.stderr.split())[-300:]}"
        raise VerdictError(RAW, what, "push it with a key that may write: docs/remote.md, on new data")
    with Repo(str(root)) as repo, repo.lock:  # `repro --pull` refuses to go on over data that the cache does not have
        for stage in repo.stage.collect(f"{RAW}.dvc"):
            stage.commit()


def obtain(root: Path, targets: list[str], remote: bool) -> bool:
    """Whether all targets are, or could be put, into the working tree."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        outs = [out for target in targets for out in _outs(repo, target)]
        if not _at_hand(outs):
            try:
                if remote:
                    repo.fetch(targets=targets)
                repo.checkout(targets=targets, force=True)
            except (DvcException, OSError):
                return False
        return _at_hand(outs)


def _at_hand(outs: "list[Output]") -> bool:
    return bool(outs) and all(out.exists and not out.changed_checksum() for out in outs)


def _outs(repo: "Repo", target: str) -> "list[Output]":
    if target.endswith(".dvc"):
        return [out for stage in repo.stage.collect(target) for out in stage.outs]
    return list(repo.find_outs_by_path(target))


def _prune(root: Path) -> None:
    """Take entries out of dvc.lock whose stage dvc.yaml does not have any more; DVC never does."""
    stages = stages_of((root / LOCK).read_text(encoding="utf-8"), "the run")
    written = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    if set(stages) <= set(written):
        return
    names = {stage.name for stage in definitions(root)}
    kept = {name: entry for name, entry in stages.items() if name in names}
    if len(kept) < len(stages):
        text = yaml.safe_dump({"schema": "2.0", "stages": kept}, sort_keys=False)
        (root / LOCK).write_text(text, encoding="utf-8")


def outputs(root: Path, base: Revision) -> list[str]:
    """The files for the bundle: what git tracks, the artifact, the predictions; of the data only what differs."""
    entries = stages_of((root / LOCK).read_text(encoding="utf-8"), "the run").values()
    old = base.outputs if base.text(LOCK) is not None else {}
    paths = [LOCK]
    for out in (out for entry in entries for out in entry.get("outs") or []):
        name = str(out["path"])
        if bundle.GENERATED.fullmatch(name) or name in (ARTIFACT, PREDICTIONS[0]):
            paths.append(name)
        elif name.startswith(PREPARED) and old.get(name) != out.get("md5"):
            paths += [name] if (root / name).exists() else []
    if base.text(f"{RAW}.dvc") != working_tree(root).text(f"{RAW}.dvc"):
        paths.append(RAW)
    return [file for path in paths for file in _files(root, path)]


def _files(root: Path, path: str) -> list[str]:
    place = root / path
    found = sorted(place.rglob("*")) if place.is_dir() else [place]
    return [file.relative_to(root).as_posix() for file in found if file.is_file()]


def _hand_over(root: Path, out: Path, head: bundle.Head, files: list[str]) -> None:
    bundle.write(out, head, root, files, run.read(root))
    print(json.dumps({"outcome": head.outcome, "files": len(files)}))
