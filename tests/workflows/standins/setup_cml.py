"""iterative/setup-cml: a `cml` on PATH, or what a bad day has instead."""

import os
from pathlib import Path

from tests.workflows.standins.step import add_path, fail, setting


def main() -> None:
    """Put it on PATH; `missing` fails as a download does, `broken` is a command that always fails."""
    chosen = setting("CML")
    if chosen == "missing":
        # The shell's own words, so that a `cml` of this machine, which knows no GitHub of the tests, is not found.
        add_path(_always("cml: command not found", 127))
        fail("Unexpected HTTP response: 504")
    add_path(_always("Error: broken", 1) if chosen == "broken" else Path(chosen))


def _always(message: str, code: int) -> Path:
    """A folder with a `cml` that can do no more than that."""
    place = Path(os.environ["RUNNER_TEMP"]) / "no-cml"
    place.mkdir(parents=True, exist_ok=True)
    (place / "cml").write_text(f"#!/bin/sh\necho '{message}' >&2\nexit {code}\n", encoding="utf-8")
    (place / "cml").chmod(0o755)
    return place


if __name__ == "__main__":
    main()
