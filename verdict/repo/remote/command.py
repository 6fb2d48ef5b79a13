"""`verdict remote`: its output and exit code."""

from pathlib import Path

from verdict.base.printable import plain
from verdict.repo.remote.settings import refuse_keys
from verdict.repo.remote.state import problems_of, push_missing, read_state
from verdict.repo.remote.storage import Storage


def run(root: Path, name: str | None, push: bool, verify: bool) -> int:
    """Check a remote (by default the default one), after a `push`; return 0 if it holds all, else 1."""
    refuse_keys(root)
    with Storage(root, name) as storage:
        state = push_missing(storage, verify) if push else read_state(storage, verify)
        where = storage.where()
    problems, count = problems_of(state, name), len(state.expected)
    for problem in problems:
        print("\n  ".join(plain(line) for line in str(problem).split("\n  ", 1)))
    if problems:
        print(f"{where}: {len(problems)} of the {count} files that this revision needs are missing or damaged")
        return 1
    checked = "holds all, with the right bytes:" if verify else "holds all"
    print(f"{where}: {checked} {count} files that this revision needs")
    return 0
