"""The run: reproduces a change from main's results, and writes the bundle for the judge, who does not trust it.

The workflow runs main's code in a checkout of main, on the change's checkout. Only stages run the change's code, each
behind Landlock; those that make the data run main's code, unless a person approved the change's
(`verdict.repo.isolation.main_code`).

It starts from main's dvc.lock, metrics and plots, not from the author's: DVC would skip every stage for a forged but
consistent lock.
"""

import json
from pathlib import Path
from typing import Any

from verdict.base.documents import dump
from verdict.base.errors import VerdictError
from verdict.base.paths import ARTIFACT, DATASET, GENERATED, PREDICTIONS, TEST, VALIDATION_PREDICTIONS
from verdict.ci.lock_diff import differences
from verdict.ci.run import bundle
from verdict.repo import repro
from verdict.repo.dvc import checkout_results, dvc_config
from verdict.repo.git import git
from verdict.repo.isolation.main_code import MainCode
from verdict.repo.isolation.sandbox import STRICT, Confinement, require_landlock
from verdict.repo.lock.check import StageDefinition, stage_definitions
from verdict.repo.lock.entries import Entry, lock_entries, output_hashes
from verdict.repo.lock.lockfile import LOCK
from verdict.repo.raw_data import TABLE_PATH, RawData, raw_data
from verdict.repo.remote.storage import Storage
from verdict.repo.revisions import Revision, resolve, working_tree
from verdict.repo.sources import obtain_data, obtain_pretrained, obtain_targets

PREPARED = "data/prepared/"
# Outputs of the candidate's dvc.lock that the judge needs.
_NEEDED = (ARTIFACT, PREDICTIONS[0], TEST, DATASET)


def reproduce(root: Path, base_name: str, out: Path, remote: bool, main: MainCode | None) -> None:
    """Reproduce the checkout at `root`, and write a bundle into `out`, even if a stage fails.

    Args:
        root: a checkout of the merge of a change with main.
        base_name: main, such as HEAD^1 of a merge with it.
        out: the bundle's folder; a log that is there already becomes part of it.
        remote: whether DVC's remote may be used.
        main: the code that makes the data; None is the change's own.

    Raises:
        VerdictError: the run failed, as the bundle says, too. If this machine cannot isolate stages, there is no
            bundle, since that is no fault of the change.
    """
    require_landlock(STRICT)
    base, author = resolve(root, base_name), Revision(root, "HEAD", "HEAD")
    try:
        committed = lock_entries(author.text(LOCK), "HEAD") if author.text(LOCK) else {}
        restore_results(base)
        _drop_narrowed_stages(root)
        remote = remote and remote_answers(root)
        if not remote:
            disable_remote(root)
        obtain_pretrained(root, main.folder if main else root)
        run_dag(root, remote, main)
        _drop_removed_stages(root)
    except VerdictError as error:
        stage = error.stage if isinstance(error, repro.StageError) else None
        reason = main.explained(stage, error.what) if main and stage else error.what if stage else str(error)
        _write_bundle(root, out, bundle.Header(bundle.FAILED, stage, reason[:1000]), [])
        raise
    _write_bundle(root, out, bundle.Header(bundle.REPRODUCED), outputs(root, base))
    print("\n".join(differences(committed, _read_lock(root))) or f"reproduced: {LOCK} is what the author committed")


def remote_answers(root: Path) -> bool:
    """Return whether the remote answers; print the reason if not, since the run goes on without it."""
    try:
        with Storage(root):
            return True
    except VerdictError as error:
        print(f"going on without the remote: {error}")
        return False


def disable_remote(root: Path) -> None:
    """Make an empty folder this checkout's remote: DVC looks for listings there even if nothing is pulled."""
    with dvc_config(root).edit("local") as config:
        config["core"]["remote"] = "nowhere"
        config["remote"]["nowhere"] = {"url": "tmp/nowhere"}


def restore_results(base: Revision) -> None:
    """Put main's dvc.lock, and those outputs of it that git tracks, into the working tree."""
    root, text = base.root, base.text(LOCK)
    if text is None:  # a repository's first run
        (root / LOCK).unlink(missing_ok=True)
        return
    (root / LOCK).write_text(text, encoding="utf-8")
    tracked = git(root, "ls-tree", "-r", "--name-only", "-z", str(base.commit), "--", *stage_outputs(text)).split("\0")
    if paths := list(filter(None, tracked)):
        git(root, "checkout", "--quiet", str(base.commit), "--", *paths)


def _drop_narrowed_stages(root: Path) -> None:
    """Remove entries of dvc.lock whose stage lost a dependency, a param or an output: DVC overlooks such changes."""
    if not (root / LOCK).exists():
        return
    stages = _read_lock(root, "main")
    narrowed = [stage.name for stage in stage_definitions(root) if _is_narrower(stage, stages.get(stage.name) or {})]
    if narrowed:
        _write_lock(root, {name: entry for name, entry in stages.items() if name not in narrowed})


def _is_narrower(stage: StageDefinition, entry: dict[str, Any]) -> bool:
    paths = {item["path"] for part in ("deps", "outs") for item in entry.get(part) or []}
    params = {(file, key) for file, keys in (entry.get("params") or {}).items() for key in keys}
    defined = {(file, key) for file, keys in stage.params.items() for key in keys}
    return bool(paths - {*stage.deps, *stage.cached_outs, *stage.tracked_outs} or params - defined)


def stage_outputs(lock: str) -> list[str]:
    """Return all outputs that a dvc.lock names."""
    return list(output_hashes(lock_entries(lock, "main"), "main"))


def run_dag(root: Path, remote: bool, main: MainCode | None) -> None:
    """Run `dvc repro` with results from the cache or the remote as far as possible, and run the other stages.

    The first try skips unchanged stages, with or without data. It is enough if all outputs that the judge needs are
    available. If not (the remote is empty, the cache was evicted), the raw data is fetched and all missing stages run.
    """
    confinement = Confinement(strict=True, main=main)
    checkout_results(root)
    try:
        repro.reproduce(root, confinement, pull=remote, allow_missing=True)
        validation = {VALIDATION_PREDICTIONS[0]} & set(stage_outputs((root / LOCK).read_text(encoding="utf-8")))
        if not (reason := obtain_targets(root, [*_NEEDED, *validation], remote)):
            return
    except repro.StageError:
        raise
    except VerdictError as error:
        reason = error.what
    print(f"running what is missing: {reason}")
    obtain_data(root, remote, code=main.folder if main else None)
    repro.reproduce(root, confinement)


def _drop_removed_stages(root: Path) -> None:
    """Remove entries of dvc.lock whose stage is no longer in dvc.yaml; DVC keeps them."""
    stages = _read_lock(root)
    if set(stages) <= set(working_tree(root).document("dvc.yaml")["stages"]):
        return
    names = {stage.name for stage in stage_definitions(root)}
    kept = {name: entry for name, entry in stages.items() if name in names}
    if len(kept) < len(stages):
        _write_lock(root, kept)


def _read_lock(root: Path, owner: str = "the run") -> dict[str, Entry]:
    return lock_entries((root / LOCK).read_text(encoding="utf-8"), owner)


def _write_lock(root: Path, stages: dict[str, Entry]) -> None:
    (root / LOCK).write_text(dump({"schema": "2.0", "stages": stages}), encoding="utf-8")


def outputs(root: Path, base: Revision) -> list[str]:
    """Return the files for the bundle: generated files, artifact, predictions, and data that differs from main's."""
    old = base.outputs if base.text(LOCK) is not None else {}
    paths = [LOCK]
    for out in (out for entry in _read_lock(root).values() for out in entry.get("outs") or []):
        name = str(out["path"])
        if GENERATED.fullmatch(name) or name in (ARTIFACT, PREDICTIONS[0], VALIDATION_PREDICTIONS[0]):
            paths.append(name)
        elif name.startswith(PREPARED) and old.get(name) != out.get("md5"):
            paths += [name] if (root / name).exists() else []
    files = [file for path in paths for file in _files(root, path)]
    raw = raw_data(working_tree(root))
    return files if raw == _raw_data_of(base) else [*files, *_raw_files(root, raw)]


def _raw_data_of(base: Revision) -> RawData | None:
    """Return main's raw data; None if it has none."""
    try:
        return raw_data(base)
    except VerdictError:
        return None


def _raw_files(root: Path, raw: RawData) -> list[str]:
    """Return the files of the raw data; none if the judge would refuse them, and has to use the remote."""
    files = _files(root, raw.tracked)
    size = sum((root / file).stat().st_size for file in files) / 1e6
    other = [file for file in files if not TABLE_PATH.fullmatch(file)]
    if not other and len(files) <= bundle.MOST_RAW_FILES and size <= bundle.MOST_RAW_MB:
        return files
    reason = f"{other[0]} is no table by its name" if other else f"{len(files)} files of {size:,.0f} MB"
    print(f"{raw.tracked} is not handed over ({reason}): the judge asks the remote for it, so dvc push it")
    return []


def _files(root: Path, path: str) -> list[str]:
    files = sorted((root / path).rglob("*")) if (root / path).is_dir() else [root / path]
    return [file.relative_to(root).as_posix() for file in files if file.is_file()]


def _write_bundle(root: Path, out: Path, header: bundle.Header, files: list[str]) -> None:
    bundle.write(out, header, root, files, repro.read_records(root))
    print(json.dumps({"outcome": header.outcome, "files": len(files)}))
