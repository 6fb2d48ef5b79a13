"""actions/cache, restore and save: a folder of archives with GitHub's rules of scope.

A run reads its own scope, then its base's, then that of the default branch; it writes to its own; nothing is replaced.
"""

import hashlib
import json
import os
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, unquote

from tests.workflows.standins.paths import match_files
from tests.workflows.standins.step import fail, get_flag, get_input, get_lines, output, setting, workspace


def restore() -> str:
    """Unpack the best entry, and return its key."""
    key = get_input("key")
    if not key:
        fail("Input required and not supplied: key")
    entry = next(filter(None, (_best(Path(scope), key) for scope in setting("SCOPES").split())), None)
    if entry is None and get_flag("fail-on-cache-miss"):
        fail(f"Failed to restore cache entry. Exiting as fail-on-cache-miss is set. Input key: {key}")
    matched = _key(entry) if entry else ""
    if entry and not get_flag("lookup-only"):
        with tarfile.open(entry) as archive:
            # The entry's paths are the action's own. An attribute, since Python 3.11.2 knows no argument for it.
            archive.extraction_filter = getattr(tarfile, "fully_trusted_filter", None)
            for member in archive:
                archive.extract(member, workspace())
    hit = str(matched == key).lower() if entry else ""
    print(f"Cache restored from key: {matched}" if entry else f"Cache not found for input keys: {key}")
    output(cache_hit=hit, cache_primary_key=key, cache_matched_key=matched)
    return matched


def save() -> None:
    """Pack the paths under the key, unless an entry has it."""
    place = _room(Path(setting("SCOPES").split()[0]))
    target = place / f"{quote(get_input('key'), safe='')}.tar"
    files = match_files(get_lines("path"), workspace())
    if not files:
        print("::warning::Path Validation Error: Path(s) specified in the action for caching do(es) not exist")
        return
    if target.exists():
        print(f"Failed to save: Unable to reserve cache with key {get_input('key')}, another job may be creating it")
        return
    place.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(f".{os.getpid()}")
    with tarfile.open(partial, "w") as archive:
        for path in files:
            archive.add(path, path.relative_to(workspace()) if path.is_relative_to(workspace()) else path)
    os.utime(partial, ns=(time.time_ns(),) * 2)
    partial.rename(target)
    print(f"Cache saved with key: {get_input('key')}")


def both() -> None:
    """The first half of actions/cache: restore, and save the matched key for the second half."""
    matched = restore()
    with Path(os.environ["GITHUB_STATE"]).open("a", encoding="utf-8") as file:
        file.write(f"MATCHED={matched}\n")


def after() -> None:
    """The second half of actions/cache, at the end of a successful job."""
    if os.environ.get("STATE_MATCHED") != get_input("key"):
        save()


def _room(scope: Path) -> Path:
    """The folder of entries with the same paths: as on GitHub, entries of other paths are not found."""
    version = hashlib.sha256("|".join(get_lines("path")).encode()).hexdigest()
    return Path(setting("CACHE")) / quote(str(scope), safe="") / version[:16]


def _best(scope: Path, key: str) -> Path | None:
    entries = sorted(_room(scope).glob("*.tar"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    exact = [path for path in entries if _key(path) == key]
    for prefix in (key, *get_lines("restore-keys")):
        exact += [path for path in entries if _key(path).startswith(prefix)]
    return exact[0] if exact else None


def _key(path: Path) -> str:
    return unquote(path.name.removesuffix(".tar"))


def _inputs_of_node() -> None:
    """Collect the inputs of a JavaScript action, which come one by one."""
    found_inputs = {name[6:].lower(): value for name, value in os.environ.items() if name.startswith("INPUT_")}
    os.environ.setdefault("STANDIN_INPUTS", json.dumps(found_inputs))


if __name__ == "__main__":
    _inputs_of_node()
    parts: dict[str, Callable[[], object]] = {"restore": restore, "save": save, "both": both, "after": after}
    parts[sys.argv[1]]()
