"""`verdict` on a serving host, with the real arguments and files, and without a guard.

A roll succeeds, unless the file `refuses` in the host's folder has a reason. tests/dvc/delivery tests the guard.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from tests.workflows.standins.step import setting
from verdict.cli import deploy, rollback
from verdict.delivery.host.orders import STATUS_JSON, Status, read_release
from verdict.delivery.host.state import State
from verdict.delivery.host.store import Store

_COMMANDS = {"deploy": deploy, "rollback": rollback}


def main(command: str, *words: str) -> int:
    """Run one command; return its exit code."""
    parser = argparse.ArgumentParser()
    _COMMANDS[command].arguments(parser)
    arguments, store = parser.parse_args(words), Store(Path(setting("HOST")))
    state = store.state.read() or State()
    store.log(command, arguments=words)
    if command == "rollback":
        store.state.write(replace(state, stable=state.previous, outcome="rolled back", reason=arguments.why))
        return 0
    return (_status if arguments.version == "status" else _roll)(store, state, arguments)


def _status(store: Store, state: State, arguments: argparse.Namespace) -> int:
    if arguments.recorded is not None:
        store.recorded.write(arguments.recorded)
    if arguments.json:
        print(STATUS_JSON.dump_json(Status(state, {}, (), ""), by_alias=True).decode())
    return 0


def _roll(store: Store, state: State, arguments: argparse.Namespace) -> int:
    release, refuses = read_release(arguments.release), store.folder / "refuses"
    if (release.version, arguments.to) != (arguments.version, state.environment):
        return 1
    if refuses.exists():
        store.state.write(replace(state, outcome="rolled back", reason=refuses.read_text(encoding="utf-8")))
        return 1
    store.state.write(replace(state, stable=release, previous=state.stable, outcome="promoted", reason=""))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
