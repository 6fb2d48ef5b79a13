"""Releases with their assets, attestations, and what a commit has to do with branches and pull requests."""

import hashlib
from urllib.parse import quote

from tests.workflows.api.objects import user
from tests.workflows.api.pulls_and_issues import pull
from tests.workflows.api.state import Answer, GitError, Json, RefusedError, Request, State, now, route


def _release(state: State, request: Request) -> Json:
    number = request.number("release_id")
    for one in state.releases:
        if one["id"] == number:
            return one
    raise RefusedError(404, "Not Found")


@route("GET", "/releases", "contents")
def list_releases(state: State, request: Request) -> Answer:
    """Releases, the newest first; drafts are shown to those who may write."""
    writes = request.identity.may("contents", "write")
    return Answer([one for one in reversed(state.releases) if writes or not one["draft"]])


@route("GET", "/releases/tags/{tag}", "contents")
def get_release(state: State, request: Request) -> Answer:
    """The release of a tag; a draft has none yet."""
    for one in state.releases:
        if one["tag_name"] == request.parts["tag"] and not one["draft"]:
            return Answer(one)
    raise RefusedError(404, "Not Found")


@route("POST", "/releases", "contents")
def create_release(state: State, request: Request) -> Answer:
    """A new release; what is no draft needs its tag, or gets one."""
    body, number = request.body, state.next_id()
    made = {
        **{"id": number, "tag_name": body["tag_name"], "target_commitish": body.get("target_commitish", "main")},
        **{"name": body.get("name"), "body": body.get("body"), "draft": False, "prerelease": False, "assets": []},
        **{"created_at": now(), "published_at": None, "author": user(state, request.identity.login)},
        **{"html_url": state.page(f"releases/tag/{quote(body['tag_name'])}"), "url": state.call(f"releases/{number}")},
        "upload_url": state.call(f"releases/{number}/assets") + "{?name,label}",
    }
    state.releases.append(made)
    return Answer(_shown(state, made, bool(body.get("draft"))), 201)


@route("PATCH", "/releases/{release_id}", "contents")
def update_release(state: State, request: Request) -> Answer:
    """Another text, or no draft any more."""
    found = _release(state, request)
    found.update({key: request.body[key] for key in ("name", "body") if key in request.body})
    return Answer(_shown(state, found, bool(request.body.get("draft", found["draft"]))))


def _shown(state: State, release: Json, draft: bool) -> Json:
    """A release is shown with its tag: GitHub makes one, a lightweight one, where there is none."""
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
    """A file of a release, under a name that it has once."""
    found, name = _release(state, request), request.query["name"]
    if name in [one["name"] for one in found["assets"]]:
        raise RefusedError(422, "Validation Failed: already_exists")
    number = state.next_id()
    asset = {
        **{"id": number, "name": name, "label": None, "state": "uploaded", "content_type": "application/octet-stream"},
        **{"size": len(request.raw), "digest": f"sha256:{hashlib.sha256(request.raw).hexdigest()}"},
        **{"uploader": user(state, request.identity.login), "url": state.call(f"releases/assets/{number}")},
        "browser_download_url": state.page(f"releases/download/{name}"),
    }
    found["assets"].append(asset)
    state.stored[f"asset-{number}"] = request.raw
    return Answer(asset, 201)


@route("POST", "/attestations", "attestations")
def attest(state: State, request: Request) -> Answer:
    """A signed statement about some bytes."""
    state.attestations.append(request.body["bundle"])
    return Answer({"id": state.next_id()}, 201)


@route("GET", "/compare/{basehead}", "contents")
def compare(state: State, request: Request) -> Answer:
    """Two commits: what each has that the other lacks."""
    ends = [state.find(end) for end in request.parts["basehead"].split("...")]
    if None in ends:
        raise RefusedError(404, "Not Found")
    behind, ahead = map(int, state.git("rev-list", "--left-right", "--count", f"{ends[0]}...{ends[1]}").split())
    status = "diverged" if ahead and behind else "ahead" if ahead else "behind" if behind else "identical"
    return Answer({"status": status, "ahead_by": ahead, "behind_by": behind, "total_commits": ahead, "commits": []})


@route("GET", "/commits/{commit_sha}/pulls", "pull_requests")
def list_pulls_of_commit(state: State, request: Request) -> Answer:
    """The pull requests that brought a commit."""
    found = [pull(state, number) for number in sorted(state.pulls)]
    found = [one for one in found if state.merges.get(one["number"]) == request.parts["commit_sha"]]
    return Answer([{key: one[key] for key in one if key not in ("mergeable", "merged", "merged_by")} for one in found])
