"""The release at GitHub: what was built as its assets, then the tag, and only then it is shown."""

import hashlib
from pathlib import Path
from typing import Any

from verdict.base.errors import VerdictError
from verdict.ci.github.client import GitHub
from verdict.delivery.build import CARD
from verdict.delivery.provenance import FILE, NAME, Provenance
from verdict.delivery.registry import register


def published(github: GitHub, version: str) -> bool:
    """Whether the release of a version is shown; a draft is not."""
    return any(one["tag_name"] == f"{NAME}@{version}" and not one["draft"] for one in github.pages("/releases"))


def publish(root: Path, github: GitHub, folder: Path, login: str, email: str) -> str:
    """Register the version and show its release; again, it goes on where an earlier attempt broke off.

    Args:
        root: a checkout with all tags.
        github: the API, with the App's token.
        folder: what `build` wrote.
        login: the App's, by which the tag is.
        email: the App's.

    Returns:
        The address of the release.

    Raises:
        VerdictError: what is there already is of other bytes, or GitHub refuses.
    """
    told = Provenance.of((folder / FILE).read_text(encoding="utf-8"), str(folder / FILE))
    release = _draft(github, told, (folder / CARD).read_text(encoding="utf-8"))
    held = {asset["name"]: asset["digest"] for asset in release["assets"]}
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        content = path.read_bytes()
        if path.name not in held:
            github.upload(release["upload_url"], path.name, content)
        elif path.name == FILE and held[FILE] != f"sha256:{hashlib.sha256(content).hexdigest()}":
            what = "an earlier attempt built something else"
            raise VerdictError(f"release {release['name']}, {FILE}", what, "delete the draft, and run the job again")
    register(root, told, login, email)
    if release["draft"]:
        release = github.patch(f"/releases/{release['id']}", {"draft": False})
    return str(release["html_url"])


def _draft(github: GitHub, told: Provenance, text: str) -> dict[str, Any]:
    name = f"{NAME}@{told.version}"
    for one in github.pages("/releases"):
        if one["tag_name"] == name:
            return dict(one)
    body = {"tag_name": name, "target_commitish": told.commit, "name": name, "body": text, "draft": True}
    return dict(github.post("/releases", body))
