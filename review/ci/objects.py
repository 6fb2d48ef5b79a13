"""Files that came with a bundle, or that main's code derived, put into DVC's cache under the hash of their bytes.

A name in the cache is a hash that is computed here, so that nothing from a stranger can pass for something else.
"""

import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from classifier import corpus, raw
from classifier.errors import VerdictError
from classifier.files import write_table
from classifier.params import Prepare, explain
from review.command import reproduced
from review.data import PREPARED
from review.lock import hash_of
from review.paths import TEST
from review.remote import configured
from review.revisions import Revision, Store
from review.rules import Rule
from review.sources import RAW, obtain_data

_POINTER = f"{RAW}.dvc"


def add(store: Store, path: Path) -> str:
    """Put a file, or a folder with its listing, into the cache; its hash as DVC has it."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        listing = [{"md5": add(store, file), "relpath": file.relative_to(path).as_posix()} for file in files]
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".dir") as written:
            written.write(json.dumps(listing, sort_keys=True))
            written.flush()
            digest = f"{hash_of(Path(written.name))}.dir"
            _copy(store, Path(written.name), digest)
        return digest
    digest = hash_of(path)
    _copy(store, path, digest)
    return digest


def _copy(store: Store, source: Path, digest: str) -> None:
    target = Path(store.repo.cache.local.oid_to_path(digest))
    if target.exists() and hash_of(target) == digest.removesuffix(".dir"):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    shutil.copyfile(source, partial)
    partial.replace(target)


def add_outputs(store: Store, folder: Path, paths: list[str]) -> None:
    """Put those of the outputs that came with the bundle into the cache."""
    for path in paths:
        if (folder / path).exists():
            add(store, folder / path)


def labels_rule(store: Store, main: Revision, own: Revision, folder: Path, approvals: tuple[str, ...]) -> Rule:
    """Whether the candidate's test sentences and labels are those that main's code derives from its raw data."""
    asks = "the test sentences and labels are those that main's code derives from the raw data"
    if same_source(main, own):
        expected, source = main.hash_of(TEST), "the same raw data and settings as on main"
    else:
        expected, source = derive(store, own, folder)[TEST], "derived from the candidate's raw data"
    if own.hash_of(TEST) == expected:
        return Rule("labels", asks, True, source)
    found = f"other bytes: {own.hash_of(TEST)[:8]}, by main's code {expected[:8]}; {source}"
    approved = "test-set" in approvals
    remedy = "" if approved else "a change of how data is prepared needs the label approve: test-set"
    return Rule("labels", asks, approved, found, remedy, approved, "the test set is not what main's code derives")


def same_source(main: Revision, own: Revision) -> bool:
    """Whether both sides prepare the same raw data with the same settings."""
    return main.text(_POINTER) == own.text(_POINTER) and main.params.get("prepare") == own.params.get("prepare")


def derive(store: Store, own: Revision, folder: Path) -> dict[str, str]:
    """Prepare the candidate's raw data with main's code, into the cache; the hash of each table by its path."""
    try:
        settings = Prepare.model_validate(own.params.get("prepare"))
    except ValidationError as error:
        raise VerdictError(f"params.yaml of {own.name}", explain(error), "correct the keys named here") from None
    source = _raw(store, own, folder)
    dropped: Counter[tuple[str, str]] = Counter()
    sentences = [sentence for domain in raw.DOMAINS for sentence in raw.read_domain(source, domain, dropped)]
    tables = corpus.split(corpus.rows(sentences, settings.neutral_band, dropped), settings)
    hashes = {}
    with tempfile.TemporaryDirectory(prefix="verdict-") as name:
        for split, path in PREPARED.items():
            target = Path(name) / f"{split}.parquet"
            write_table(target, tables[split], corpus.SCHEMA)
            hashes[path] = add(store, target)
    return hashes


def _raw(store: Store, own: Revision, folder: Path) -> Path:
    """The raw data that the candidate's pointer names: from the bundle, by hash, or as the store has it."""
    digest = pointed(own)
    if (folder / RAW).is_dir():
        if (came := add(store, folder / RAW)) != digest:
            what = f"the bundle's are {came[:8]}, the pointer names {digest[:8]}"
            raise VerdictError(f"{_POINTER} of {own.name}", what, "dvc add data/raw, and commit data/raw.dvc")
    elif own.text(_POINTER) == Revision(store.root, "main", "HEAD").text(_POINTER):
        obtain_data(store.root, remote=configured(store.root))
    if (store.root / RAW).is_dir() and hash_of(store.root / RAW) == digest:
        return store.root / RAW
    pinned = Revision(own.root, own.name, own.commit, _lock_of(digest))
    return store.folder(pinned, RAW)


def reproduce_main(store: Store, main: Revision) -> Revision:
    """Run main's DAG here, with the raw data from wherever it can be had; the lock that comes out counts."""
    obtain_data(store.root, remote=False)
    return reproduced(store, main)


def pointed(own: Revision) -> str:
    """The hash that data/raw.dvc has."""
    try:
        (out,) = own.document(_POINTER)["outs"]
        return str(out["md5"])
    except (TypeError, KeyError, ValueError):
        raise VerdictError(f"{_POINTER} of {own.name}", "not a pointer of DVC", "git diff data/raw.dvc") from None


def _lock_of(digest: str) -> str:
    """A pointer in the words of dvc.lock, which is what the store reads."""
    entry: dict[str, Any] = {"outs": [{"path": RAW, "md5": digest}]}
    return json.dumps({"stages": {"raw": entry}})
