"""The release at GitHub: what was built as its assets, then the tag, and only then it is shown."""

from pathlib import Path
from typing import Any

from verdict.base.errors import VerdictError
from verdict.ci.github.client import GitHub
from verdict.delivery.build import CARD
from verdict.delivery.provenance import FILE, NAME, Provenance
from verdict.delivery.registry import register


def release_of(github: GitHub, version: str) -> dict[str, Any] | None:
    """The release of a version, or its draft, which GitHub shows to those alone who may write."""
    return next((one for one in github.pages("/releases") if one["tag_name"] == f"{NAME}@{version}"), None)


def publish(root: Path, github: GitHub, folder: Path, login: str) -> str:
    """Register the version and show its release; again, it goes on where an earlier attempt broke off.

    Args:
        root: a checkout with all tags.
        github: the API, with the App's token.
        folder: what `build` wrote.
        login: the App's, by which the tag is.

    Returns:
        The address of the release.

    Raises:
        VerdictError: what is there already is something else, or GitHub refuses.
    """
    provenance = Provenance.of((folder / FILE).read_text(encoding="utf-8"), str(folder / FILE))
    name, text = f"{NAME}@{provenance.version}", (folder / CARD).read_text(encoding="utf-8")
    draft = {"tag_name": name, "target_commitish": provenance.commit, "name": name, "body": text, "draft": True}
    release = release_of(github, provenance.version) or github.post("/releases", draft)
    held = {asset["name"]: asset["digest"] for asset in release["assets"]}
    if held.get(FILE, provenance.digest) != provenance.digest:
        raise VerdictError(f"release {name}", "an earlier attempt built something else", "delete its draft")
    for path in sorted(folder.iterdir()):
        if path.name not in held:
            github.upload(release["upload_url"], path.name, path.read_bytes())
    register(root, provenance, login)
    if release["draft"]:
        release = github.patch(f"/releases/{release['id']}", {"draft": False})
    return str(release["html_url"])
