"""In the place of the program `verdict` on a serving host: the real one's arguments and files, and no guard behind.

A roll holds, unless the file `refuses` in the host's folder says why not. The guard itself is tested in
tests/dvc/delivery.
"""

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

from tests.workflows.standins.step import known
from verdict.cli import deploy, rollback
from verdict.delivery.host.orders import Status, read_release
from verdict.delivery.host.state import State
from verdict.delivery.host.store import Store

_COMMANDS = {"deploy": deploy, "rollback": rollback}


def main(command: str, *words: str) -> int:
    """Take one command; its exit code."""
    parser = argparse.ArgumentParser()
    _COMMANDS[command].arguments(parser)
    given, store = parser.parse_args(words), Store(Path(known("HOST")))
    state = store.state.read() or State()
    store.log(command, arguments=words)
    if command == "rollback":
        store.state.write(replace(state, stable=state.previous, outcome="rolled back", reason=given.why))
        return 0
    return _status(store, state, given) if given.version == "status" else _roll(store, state, given)


def _status(store: Store, state: State, given: argparse.Namespace) -> int:
    if given.recorded is not None:
        store.recorded.write(given.recorded)
    if given.json:
        print(json.dumps(asdict(Status(state, {}, (), ""))))
    return 0


def _roll(store: Store, state: State, given: argparse.Namespace) -> int:
    release, refuses = read_release(given.release), store.folder / "refuses"
    if (release.version, given.to) != (given.version, state.environment):
        return 1
    if refuses.exists():
        store.state.write(replace(state, outcome="rolled back", reason=refuses.read_text(encoding="utf-8")))
        return 1
    store.state.write(replace(state, stable=release, previous=state.stable, outcome="promoted", reason=""))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
