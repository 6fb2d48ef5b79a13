"""actions/download-artifact: from the folder of the same run, or through the API from another run."""

import fnmatch
import io
import json
import os
import urllib.request
import zipfile
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from tests.workflows.standins.step import fail, get_flag, get_input, output, setting, workspace


def main() -> None:
    """Unpack the chosen artifacts."""
    run, name, pattern = get_input("run-id", os.environ["GITHUB_RUN_ID"]), get_input("name"), get_input("pattern")
    if run != os.environ["GITHUB_RUN_ID"] and not get_input("github-token"):
        fail(f"Unable to download artifact(s): run {run} is another one, which needs github-token")
    archives = _remote(run) if get_input("github-token") else _local(run)
    chosen = {
        artifact: data
        for artifact, data in archives.items()
        if name in ("", artifact) and fnmatch.fnmatch(artifact, pattern or "*")
    }
    if name and not chosen:
        fail(f"Unable to download artifact(s): Artifact not found for name: {name}")
    place = workspace() / Path(get_input("path", ".")).expanduser()
    for artifact, data in chosen.items():
        target = place if name or get_flag("merge-multiple") else place / artifact
        target.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            archive.extractall(target)
    output(download_path=place)


def _local(run: str) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in sorted((Path(setting("ARTIFACTS")) / run).glob("*.zip"))}


def _remote(run: str) -> dict[str, bytes]:
    repository = get_input("repository", os.environ["GITHUB_REPOSITORY"])
    base = f"{os.environ['GITHUB_API_URL']}/repos/{repository}/actions"
    listing: dict[str, Any] = json.loads(_get(f"{base}/runs/{run}/artifacts?per_page=100"))
    return {artifact["name"]: _get(artifact["archive_download_url"]) for artifact in listing["artifacts"]}


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def _get(url: str) -> bytes:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {get_input('github-token')}"})  # noqa: S310
    try:
        with urllib.request.build_opener(_Stay).open(request) as answer:
            data: bytes = answer.read()
            return data
    except HTTPError as error:
        if error.code != 302:
            fail(f"Unable to download artifact(s): {url}: {error.code}")
        with urllib.request.urlopen(error.headers["Location"]) as answer:  # noqa: S310
            content: bytes = answer.read()
            return content


if __name__ == "__main__":
    main()
