"""actions/setup-python: the Python of the tests, with all that is installed there, and a pip that sees so quickly."""

import platform
from pathlib import Path

from tests.workflows.standins.step import add_path, export, fail, folder, given, known, output


def main() -> None:
    """Put it on PATH."""
    file = given("python-version-file")
    if file and not (folder() / file).is_file():
        fail(f"The specified python version file at: {file} doesn't exist.")
    binaries = Path(known("PYTHON")).parent
    add_path(binaries)
    add_path(Path(__file__).with_name("pip"))
    export(pythonLocation=str(binaries.parent))
    output(python_version=platform.python_version(), python_path=known("PYTHON"), cache_hit="false")


if __name__ == "__main__":
    main()
