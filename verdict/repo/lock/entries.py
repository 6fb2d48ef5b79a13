"""Parse a dvc.lock into its entries by stage."""

import json
from typing import Any

from verdict.base.documents import parse
from verdict.base.errors import VerdictError

Entry = dict[str, Any]
_REMEDY = "dvc repro, and commit it"


def lock_entries(text: str | None, owner: str, remedy: str = _REMEDY, *, aliases: bool = True) -> dict[str, Entry]:
    """Return the entry of each stage.

    Args:
        text: a dvc.lock; None if there is none.
        owner: whose it is, for a message, such as `main`.
        remedy: the remedy of the error.
        aliases: whether YAML's aliases are allowed: not in a stranger's file.

    Raises:
        VerdictError: there is no such file, or it is not YAML, or not a lock of DVC.
    """
    where = f"dvc.lock of {owner}"
    if text is None:
        raise VerdictError(where, "no such file", remedy)
    document = parse(text, where, remedy, aliases=aliases)
    stages = document.get("stages") if isinstance(document, dict) else None
    if not isinstance(stages, dict) or not all(isinstance(entry, dict) for entry in stages.values()):
        raise VerdictError(where, "not a lock of DVC: has no stages, or one without an entry", remedy)
    try:
        json.dumps(stages, sort_keys=True)  # DVC names its records by the hash of that
    except (TypeError, ValueError, RecursionError) as error:  # a date, a set, keys of two types, an entry in itself
        raise VerdictError(where, f"not a lock of DVC: {error}", remedy) from None
    return stages


def output_hashes(stages: dict[str, Entry], owner: str, remedy: str = _REMEDY) -> dict[str, str]:
    """Return the hash of each output, by path; `VerdictError` if an output has none."""
    try:
        return {out["path"]: out["md5"] for entry in stages.values() for out in entry.get("outs") or []}
    except (TypeError, KeyError) as error:
        raise VerdictError(f"dvc.lock of {owner}", f"not a lock of DVC: {error!r} of an output", remedy) from None
