"""Pictures of a comment, kept as files of this repository: a commit of their own, in a ref that no clone fetches."""

import os
import re
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.ci.github.client import GitHub

_PICTURE = re.compile(r'<img src="([A-Za-z0-9_.-]+\.png)"')


def with_pictures(github: GitHub, text: str, folder: Path, ref: str, message: str) -> str:
    """The text with links to files of this repository; without pictures where they cannot be stored.

    Args:
        github: the API, with a token that may write contents.
        text: names pictures of `folder`.
        folder: where they lie.
        ref: below refs/; earlier pictures stay below the new ones there.
        message: of the commit.
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
    """A commit with the pictures."""
    tip = github.tip(ref)
    commit = github.create_commit(
        github.create_tree({name: folder / name for name in names}), [tip] if tip else [], message
    )
    (github.update_ref if tip else github.create_ref)(ref, commit)
    return commit
