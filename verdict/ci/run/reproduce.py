"""The run: reproduce a change from main's results, and hand over what came out. Nobody trusts it; the judge looks.

The workflow runs main's code for it, in a checkout of main, on the change's checkout. Of the change only its stages
run, each behind Landlock, and where the data is made not even these, unless a person approved that
(`verdict.repo.isolation.main_code`).

It starts from main's dvc.lock, metrics and plots, not from the author's: a lock that was invented to be consistent
would make DVC skip everything.
"""

import json
from pathlib import Path
from typing import Any

from verdict.base.documents import dump
from verdict.base.errors import VerdictError
from verdict.base.paths import ARTIFACT, DATASET, GENERATED, PREDICTIONS, TEST, VALIDATION
from verdict.ci.lock_diff import differences
from verdict.ci.run import bundle
from verdict.repo import repro
from verdict.repo.dvc import checkout_results, dvc_config
from verdict.repo.git import git
from verdict.repo.isolation.main_code import MainCode
from verdict.repo.isolation.sandbox import STRICT, Confinement, require_landlock
from verdict.repo.lock.check import LOCK, StageDefinition, stage_definitions
from verdict.repo.lock.entries import Entry, lock_entries, output_hashes
from verdict.repo.raw_data import TABLE_PATH, RawData, raw_data
from verdict.repo.remote.storage import Storage
from verdict.repo.revisions import Revision, resolve, working_tree
from verdict.repo.sources import obtain_data, obtain_pretrained, obtain_targets

PREPARED = "data/prepared/"
# What the judge cannot do without, by the candidate's dvc.lock.
_NEEDED = (ARTIFACT, PREDICTIONS[0], TEST, DATASET)


def reproduce(root: Path, base_name: str, out: Path, remote: bool, main: MainCode | None) -> None:
    """Reproduce the checkout at `root`, and fill `out` with a bundle, also when a stage fails.

    Args:
        root: a checkout of the merge of a change with main.
        base_name: main, such as HEAD^1 of a merge with it.
        out: the bundle's folder; a log that lies there already becomes part of it.
        remote: whether DVC's remote may be asked.
        main: whose code makes the data; None lets the change's own do it.

    Raises:
        VerdictError: the run failed; the bundle says so, too. Where this machine cannot keep stages apart there is
            no bundle, for that says nothing of the change.
    """
    require_landlock(STRICT)
    base, author = resolve(root, base_name), Revision(root, "HEAD", "HEAD")
    try:
        claimed = lock_entries(author.text(LOCK), "HEAD") if author.text(LOCK) else {}
        begin_from(base)
        _forget_narrowed(root)
        remote = remote and remote_answers(root)
        if not remote:
            without_remote(root)
        obtain_pretrained(root, main.folder if main else root)
        run_dag(root, remote, main)
        _prune(root)
    except VerdictError as error:
        stage = error.stage if isinstance(error, repro.StageError) else None
        reason = main.explained(stage, error.what) if main and stage else error.what if stage else str(error)
        _hand_over(root, out, bundle.Header(bundle.FAILED, stage, reason[:1000]), [])
        raise
    _hand_over(root, out, bundle.Header(bundle.REPRODUCED), outputs(root, base))
    found = differences(claimed, lock_entries((root / LOCK).read_text(encoding="utf-8"), "the run"))
    print("\n".join(found) or f"reproduced: {LOCK} is what the author committed")


def remote_answers(root: Path) -> bool:
    """Whether the remote can be asked; where it cannot, the log says why, and the run goes on without it."""
    try:
        with Storage(root):
            return True
    except VerdictError as error:
        print(f"going on without the remote: {error}")
        return False


def without_remote(root: Path) -> None:
    """Name an empty folder as this checkout's remote: DVC looks for listings there, also where nothing is pulled."""
    with dvc_config(root).edit("local") as config:
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
    stages = lock_entries((root / LOCK).read_text(encoding="utf-8"), "main")
    narrowed = [stage.name for stage in stage_definitions(root) if _is_narrower(stage, stages.get(stage.name) or {})]
    if narrowed:
        _keep(root, {name: entry for name, entry in stages.items() if name not in narrowed})


def _is_narrower(stage: StageDefinition, entry: dict[str, Any]) -> bool:
    paths = {item["path"] for part in ("deps", "outs") for item in entry.get(part) or []}
    params = {(file, key) for file, keys in (entry.get("params") or {}).items() for key in keys}
    now = {(file, key) for file, keys in stage.params.items() for key in keys}
    return bool(paths - {*stage.deps, *stage.cached_outs, *stage.tracked_outs} or params - now)


def stage_outputs(lock: str) -> list[str]:
    """All outputs that a dvc.lock names."""
    return list(output_hashes(lock_entries(lock, "main"), "main"))


def run_dag(root: Path, remote: bool, main: MainCode | None) -> None:
    """`dvc repro` with as little work as there is a record for: from the cache, then the remote, else by running.

    The first try skips what did not change, data or no data. It is enough when what the judge needs can be had;
    where it cannot (an empty remote, a cache that was evicted), the raw data is fetched and all that is missing runs.
    """
    confinement = Confinement(strict=True, main=main)
    checkout_results(root)
    try:
        repro.reproduce(root, confinement, pull=remote, allow_missing=True)
        kept = {VALIDATION[0]} & set(stage_outputs((root / LOCK).read_text(encoding="utf-8")))
        if not (reason := obtain_targets(root, [*_NEEDED, *kept], remote)):
            return
    except repro.StageError:
        raise
    except VerdictError as error:
        reason = error.what
    print(f"running what is missing: {reason}")
    obtain_data(root, remote, code=main.folder if main else None)
    repro.reproduce(root, confinement)


def _prune(root: Path) -> None:
    """Take entries out of dvc.lock whose stage dvc.yaml does not have any more; DVC never does."""
    stages = lock_entries((root / LOCK).read_text(encoding="utf-8"), "the run")
    if set(stages) <= set(working_tree(root).document("dvc.yaml")["stages"]):
        return
    names = {stage.name for stage in stage_definitions(root)}
    kept = {name: entry for name, entry in stages.items() if name in names}
    if len(kept) < len(stages):
        _keep(root, kept)


def _keep(root: Path, stages: dict[str, Entry]) -> None:
    """Write a dvc.lock of these entries alone."""
    (root / LOCK).write_text(dump({"schema": "2.0", "stages": stages}), encoding="utf-8")


def outputs(root: Path, base: Revision) -> list[str]:
    """The files for the bundle: what git tracks, the artifact, the predictions; of the data only what differs."""
    entries = lock_entries((root / LOCK).read_text(encoding="utf-8"), "the run").values()
    old = base.outputs if base.text(LOCK) is not None else {}
    paths = [LOCK]
    for out in (out for entry in entries for out in entry.get("outs") or []):
        name = str(out["path"])
        if GENERATED.fullmatch(name) or name in (ARTIFACT, PREDICTIONS[0], VALIDATION[0]):
            paths.append(name)
        elif name.startswith(PREPARED) and old.get(name) != out.get("md5"):
            paths += [name] if (root / name).exists() else []
    files = [file for path in paths for file in _files(root, path)]
    own = raw_data(working_tree(root))
    return files if own == _raw_data_of(base) else [*files, *_raw_files(root, own)]


def _raw_data_of(base: Revision) -> RawData | None:
    """Main's raw data; None where it has none to compare with."""
    try:
        return raw_data(base)
    except VerdictError:
        return None


def _raw_files(root: Path, raw: RawData) -> list[str]:
    """The files of the raw data; none where the judge would not take them, and has to ask the remote."""
    files = _files(root, raw.tracked)
    size = sum((root / file).stat().st_size for file in files) / 1e6
    strange = [file for file in files if not TABLE_PATH.fullmatch(file)]
    if not strange and len(files) <= bundle.MOST_RAW_FILES and size <= bundle.MOST_RAW_MB:
        return files
    why = f"{strange[0]} is no table by its name" if strange else f"{len(files)} files of {size:,.0f} MB"
    print(f"{raw.tracked} is not handed over ({why}): the judge asks the remote for it, so dvc push it")
    return []


def _files(root: Path, path: str) -> list[str]:
    place = root / path
    found = sorted(place.rglob("*")) if place.is_dir() else [place]
    return [file.relative_to(root).as_posix() for file in found if file.is_file()]


def _hand_over(root: Path, out: Path, head: bundle.Header, files: list[str]) -> None:
    bundle.write(out, head, root, files, repro.read_records(root))
    print(json.dumps({"outcome": head.outcome, "files": len(files)}))
