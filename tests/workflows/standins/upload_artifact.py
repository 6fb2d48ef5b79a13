"""actions/upload-artifact: files into <run id>/<name>.zip, from where the tests' GitHub serves them."""

import hashlib
import os
import zipfile
from pathlib import Path

from tests.workflows.standins.paths import match_files, search_roots
from tests.workflows.standins.step import fail, get_flag, get_input, get_lines, output, setting, warn, workspace


def main() -> None:
    """Zip the files that match the paths."""
    name = get_input("name", "artifact")
    if any(character in name for character in '"\\/:<>|*?\r\n'):
        fail(f"The artifact name is not valid: {name}")
    if not get_lines("path"):
        fail("Input required and not supplied: path")
    files = [
        path
        for path in match_files(get_lines("path"), workspace())
        if get_flag("include-hidden-files") or not _hidden(path)
    ]
    if not files:
        _nothing()
        return
    place = Path(setting("ARTIFACTS")) / os.environ["GITHUB_RUN_ID"]
    place.mkdir(parents=True, exist_ok=True)
    target = place / f"{name}.zip"
    if target.exists() and not get_flag("overwrite"):
        fail("Failed to CreateArtifact: (409) Conflict: an artifact with this name already exists on the workflow run")
    base = _base(files)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, path.relative_to(base).as_posix())
    output(artifact_id=1, artifact_digest=hashlib.sha256(target.read_bytes()).hexdigest(), artifact_url="")


def _base(files: list[Path]) -> Path:
    """The base of the archive's paths: the folder of the only path, or the common folder of all."""
    bases = search_roots(get_lines("path"), workspace())
    if len(bases) == 1:
        return bases[0].parent if files == bases else bases[0]
    return Path(os.path.commonpath([base.parent if base.is_file() else base for base in bases]))


def _nothing() -> None:
    message = f"No files were found with the provided path: {get_input('path')}. No artifacts will be uploaded."
    reaction = get_input("if-no-files-found", "warn")
    if reaction == "error":
        fail(message)
    if reaction == "warn":
        warn(message)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(workspace()).parts) if _inside(path) else False


def _inside(path: Path) -> bool:
    return path.is_relative_to(workspace())


if __name__ == "__main__":
    main()
