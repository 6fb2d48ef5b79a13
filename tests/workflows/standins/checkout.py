"""actions/checkout: a commit of github.com, which is a folder with bare repositories here."""

import base64
import os
import re
import shutil
from pathlib import Path

from tests.workflows.standins.step import fail, get_flag, get_input, git, output, setting, workspace


def main() -> None:
    """Fetch the ref, and nothing else, and check it out."""
    place = workspace() / get_input("path", ".")
    if not place.resolve().is_relative_to(workspace().resolve()):
        fail(f"Repository path '{place}' is not under '{workspace()}'")
    repository = get_input("repository", os.environ["GITHUB_REPOSITORY"])
    _prepare(place, f"https://github.com/{repository}")
    ref = get_input("ref") or (os.environ["GITHUB_REF"] if repository == os.environ["GITHUB_REPOSITORY"] else "HEAD")
    commit = "" if get_input("ref") or ref == "HEAD" else os.environ["GITHUB_SHA"]
    _fetch(place, ref, commit)
    if get_flag("persist-credentials", "true"):
        secret = base64.b64encode(f"x-access-token:{get_input('token')}".encode()).decode()
        git("config", "--local", "http.https://github.com/.extraheader", f"AUTHORIZATION: basic {secret}", at=place)
    output(ref=ref, commit=git("rev-parse", "HEAD", at=place))


def _prepare(place: Path, url: str) -> None:
    if (place / ".git").is_dir() and git("remote", "get-url", "origin", at=place) != _resolved(url):
        shutil.rmtree(place / ".git")
    if not (place / ".git").is_dir():
        for entry in place.iterdir() if place.is_dir() else []:
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        place.mkdir(parents=True, exist_ok=True)
        git("init", "--quiet", at=place)
        git("remote", "add", "origin", url, at=place)
    elif get_flag("clean", "true"):
        git("clean", "-ffdx", at=place)
        git("reset", "--hard", "--quiet", at=place)


def _resolved(url: str) -> str:
    """The folder that a github.com address is mapped to, as `git remote get-url` answers."""
    return url.replace("https://github.com/", f"file://{setting('GITHUB')}/")


def _fetch(place: Path, ref: str, commit: str) -> None:
    depth = int(get_input("fetch-depth", "1"))
    options = ["--quiet", "--no-tags", "--prune", *([f"--depth={depth}"] if depth else [])]
    if not depth:
        git("fetch", *options, "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*", at=place)
    name = ref if ref.startswith("refs/") or _is_id(ref) or ref == "HEAD" else _full(place, ref)
    source = commit or name
    if name.startswith("refs/heads/"):
        branch = name.removeprefix("refs/heads/")
        git("fetch", *options, "origin", f"+{source}:refs/remotes/origin/{branch}", at=place)
        git("checkout", "--quiet", "--force", "-B", branch, f"refs/remotes/origin/{branch}", at=place)
        return
    target = name.replace("refs/pull/", "refs/remotes/pull/") if name.startswith("refs/pull/") else ""
    git("fetch", *options, "origin", f"+{source}:{target}" if target else source, at=place)
    git("checkout", "--quiet", "--force", "--detach", target or "FETCH_HEAD", at=place)


def _full(place: Path, ref: str) -> str:
    listing = git("ls-remote", "origin", f"refs/heads/{ref}", f"refs/tags/{ref}", at=place).split()
    if not listing:
        fail(f"A branch or tag with the name '{ref}' could not be found")
    return listing[1]


def _is_id(ref: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{40}", ref) is not None


if __name__ == "__main__":
    main()
