"""iterative/setup-cml: a `cml` on PATH, or what a bad day has instead."""

import os
from pathlib import Path

from tests.workflows.standins.step import add_path, fail, known


def main() -> None:
    """Put it on PATH; `missing` fails as a download does, `broken` is a command that always fails."""
    chosen = known("CML")
    if chosen == "missing":
        fail("Unexpected HTTP response: 504")
    if chosen != "broken":
        add_path(Path(chosen))
        return
    place = Path(os.environ["RUNNER_TEMP"]) / "broken-cml"
    place.mkdir(parents=True, exist_ok=True)
    (place / "cml").write_text("#!/bin/sh\necho 'Error: broken' >&2\nexit 1\n", encoding="utf-8")
    (place / "cml").chmod(0o755)
    add_path(place)


if __name__ == "__main__":
    main()
