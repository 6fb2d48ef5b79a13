"""`verdict remote`: what it prints and exits with."""

from pathlib import Path

from verdict.base.printable import plain
from verdict.repo.remote.settings import refuse_keys
from verdict.repo.remote.state import problems_of, push_missing, read_state
from verdict.repo.remote.storage import Storage


def run(root: Path, name: str | None, push: bool, verify: bool) -> int:
    """Check a remote (without `name` the default one), after a push where asked for; 0 when it holds all, else 1."""
    refuse_keys(root)
    with Storage(root, name) as storage:
        found = push_missing(storage, verify) if push else read_state(storage, verify)
        where = storage.where()
    left = problems_of(found, name)
    for each in left:
        print("\n  ".join(plain(line) for line in str(each).split("\n  ", 1)))
    if left:
        print(
            f"{where}: {len(left)} of the {len(found.expected)} files that this revision needs are missing or damaged"
        )
        return 1
    checked = "holds all, with the right bytes:" if verify else "holds all"
    print(f"{where}: {checked} {len(found.expected)} files that this revision needs")
    return 0
