"""actions/setup-python: the Python of the tests, with all that is installed there, and a pip that sees so quickly."""

import platform
from pathlib import Path

from tests.workflows.standins.step import add_path, export, fail, get_input, output, setting, workspace


def main() -> None:
    """Put it on PATH."""
    file = get_input("python-version-file")
    if file and not (workspace() / file).is_file():
        fail(f"The specified python version file at: {file} doesn't exist.")
    binaries = Path(setting("PYTHON")).parent
    add_path(binaries)
    add_path(Path(__file__).with_name("pip"))
    export(pythonLocation=str(binaries.parent))
    output(python_version=platform.python_version(), python_path=setting("PYTHON"), cache_hit="false")


if __name__ == "__main__":
    main()
