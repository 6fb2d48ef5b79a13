"""The release at GitHub: first a draft with the assets, then the tag, then it is published."""

from pathlib import Path
from typing import Any

from verdict.base.errors import VerdictError
from verdict.ci.github.client import GitHub
from verdict.delivery.build import CARD
from verdict.delivery.provenance import FILE, NAME, Provenance
from verdict.delivery.registry import register


def release_of(github: GitHub, version: str) -> dict[str, Any] | None:
    """Return the release of a version, or its draft, which GitHub shows only to accounts that may write."""
    return next((release for release in github.pages("/releases") if release["tag_name"] == f"{NAME}@{version}"), None)


def publish(root: Path, github: GitHub, folder: Path, login: str) -> str:
    """Register the version and publish its release; a repeated attempt continues an earlier one.

    Args:
        root: a checkout with all tags.
        github: the API, with the App's token.
        folder: written by `build`.
        login: of the App, which sets the tag.

    Returns:
        The address of the release.

    Raises:
        VerdictError: an earlier attempt built something else, or GitHub refuses.
    """
    provenance = Provenance.of((folder / FILE).read_text(encoding="utf-8"), str(folder / FILE))
    name, text = f"{NAME}@{provenance.version}", (folder / CARD).read_text(encoding="utf-8")
    draft = {"tag_name": name, "target_commitish": provenance.commit, "name": name, "body": text, "draft": True}
    release = release_of(github, provenance.version) or github.post("/releases", draft)
    uploaded = {asset["name"]: asset["digest"] for asset in release["assets"]}
    if uploaded.get(FILE, provenance.digest) != provenance.digest:
        raise VerdictError(f"release {name}", "an earlier attempt built something else", "delete its draft")
    for path in sorted(folder.iterdir()):
        if path.name not in uploaded:
            github.upload(release["upload_url"], path.name, path.read_bytes())
    register(root, provenance, login)
    if release["draft"]:
        release = github.patch(f"/releases/{release['id']}", {"draft": False})
    return str(release["html_url"])
