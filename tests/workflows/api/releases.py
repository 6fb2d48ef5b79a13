"""Releases with their assets, attestations, comparisons, and the pull requests of a commit."""

import hashlib
from urllib.parse import quote

from tests.workflows.api.objects import user
from tests.workflows.api.pulls_and_issues import listed_pull
from tests.workflows.api.state import Answer, GitError, Json, RefusedError, Request, State, now, route


def _release(state: State, request: Request) -> Json:
    number = request.number("release_id")
    for release in state.releases:
        if release["id"] == number:
            return release
    raise RefusedError(404, "Not Found")


@route("GET", "/releases", "contents")
def list_releases(state: State, request: Request) -> Answer:
    """Releases, the newest first; a token that may write sees drafts."""
    writes = request.identity.may("contents", "write")
    return Answer([one for one in reversed(state.releases) if writes or not one["draft"]])


@route("GET", "/releases/tags/{tag}", "contents")
def get_release(state: State, request: Request) -> Answer:
    """The release of a tag; a draft has none yet."""
    for release in state.releases:
        if release["tag_name"] == request.parts["tag"] and not release["draft"]:
            return Answer(release)
    raise RefusedError(404, "Not Found")


@route("POST", "/releases", "contents")
def create_release(state: State, request: Request) -> Answer:
    """Make a release; GitHub makes a missing tag unless the release is a draft."""
    body, number = request.body, state.next_id()
    release = {
        **{"id": number, "tag_name": body["tag_name"], "target_commitish": body.get("target_commitish", "main")},
        **{"name": body.get("name"), "body": body.get("body"), "draft": False, "prerelease": False, "assets": []},
        **{"created_at": now(), "published_at": None, "author": user(state, request.identity.login)},
        **{"html_url": state.page(f"releases/tag/{quote(body['tag_name'])}"), "url": state.call(f"releases/{number}")},
        "upload_url": state.call(f"releases/{number}/assets") + "{?name,label}",
    }
    state.releases.append(release)
    return Answer(_published(state, release, bool(body.get("draft"))), 201)


@route("PATCH", "/releases/{release_id}", "contents")
def update_release(state: State, request: Request) -> Answer:
    """Change name, text or draft."""
    release = _release(state, request)
    release.update({key: request.body[key] for key in ("name", "body") if key in request.body})
    return Answer(_published(state, release, bool(request.body.get("draft", release["draft"]))))


def _published(state: State, release: Json, draft: bool) -> Json:
    """Set `draft`; a release that is no draft gets a date, and a lightweight tag where it has none."""
    release["draft"] = draft
    if not draft:
        release["published_at"] = now()
        try:
            state.git("rev-parse", "--verify", "--quiet", f"refs/tags/{release['tag_name']}")
        except GitError:
            state.git("update-ref", f"refs/tags/{release['tag_name']}", release["target_commitish"])
    return release


@route("POST", "/releases/{release_id}/assets", "contents")
def upload_asset(state: State, request: Request) -> Answer:
    """Add a file to a release; its name must be new there."""
    release, name = _release(state, request), request.query["name"]
    if name in [asset["name"] for asset in release["assets"]]:
        raise RefusedError(422, "Validation Failed: already_exists")
    number = state.next_id()
    asset = {
        **{"id": number, "name": name, "label": None, "state": "uploaded", "content_type": "application/octet-stream"},
        **{"size": len(request.raw), "digest": f"sha256:{hashlib.sha256(request.raw).hexdigest()}"},
        **{"uploader": user(state, request.identity.login), "url": state.call(f"releases/assets/{number}")},
        "browser_download_url": state.page(f"releases/download/{name}"),
    }
    release["assets"].append(asset)
    state.stored[f"asset-{number}"] = request.raw
    return Answer(asset, 201)


@route("POST", "/attestations", "attestations")
def attest(state: State, request: Request) -> Answer:
    """Store an attestation."""
    state.attestations.append(request.body["bundle"])
    return Answer({"id": state.next_id()}, 201)


@route("GET", "/compare/{basehead}", "contents")
def compare(state: State, request: Request) -> Answer:
    """Compare two commits: how many commits each has that the other lacks."""
    ends = [state.find(end) for end in request.parts["basehead"].split("...")]
    if None in ends:
        raise RefusedError(404, "Not Found")
    behind, ahead = map(int, state.git("rev-list", "--left-right", "--count", f"{ends[0]}...{ends[1]}").split())
    status = "diverged" if ahead and behind else "ahead" if ahead else "behind" if behind else "identical"
    return Answer({"status": status, "ahead_by": ahead, "behind_by": behind, "total_commits": ahead, "commits": []})


@route("GET", "/commits/{commit_sha}/pulls", "pull_requests")
def list_pulls_of_commit(state: State, request: Request) -> Answer:
    """The pull requests that a commit merged."""
    numbers = [number for number in sorted(state.pulls) if state.merges.get(number) == request.parts["commit_sha"]]
    return Answer([listed_pull(state, number) for number in numbers])
