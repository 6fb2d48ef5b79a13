"""Stores the pictures of a comment in this repository: in a separate commit, under a ref that clones do not fetch."""

import os
import re
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.ci.github.client import GitHub

_PICTURE = re.compile(r'<img src="([A-Za-z0-9_.-]+\.png)"')


def with_pictures(github: GitHub, text: str, folder: Path, ref: str, message: str) -> str:
    """Store the pictures and return the text with links to them; without pictures if they cannot be stored.

    Args:
        github: the API, with a token that may write contents.
        text: HTML that names pictures of `folder`.
        folder: the folder of the pictures.
        ref: a ref below refs/; commits of earlier pictures stay in its history.
        message: the commit's message.
    """
    names = sorted(set(_PICTURE.findall(text)))
    present = [name for name in names if (folder / name).is_file()]
    try:
        commit = _store(github, folder, present, ref, message) if present else ""
    except VerdictError as error:
        print(f"the pictures could not be stored: {error}")
        return _PICTURE.sub('<img src=""', text)
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    address = f"{server}/{github.repository}/blob/{commit}"
    links = {name: f"{address}/{name}?raw=true" for name in present}
    return _PICTURE.sub(lambda match: f'<img src="{links.get(match[1], "")}"', text)


def _store(github: GitHub, folder: Path, names: list[str], ref: str, message: str) -> str:
    """Commit the pictures on top of the ref, and return the commit."""
    tip = github.tip(ref)
    commit = github.create_commit(
        github.create_tree({name: folder / name for name in names}), [tip] if tip else [], message
    )
    (github.update_ref if tip else github.create_ref)(ref, commit)
    return commit
