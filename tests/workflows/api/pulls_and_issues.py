"""Pull requests, issues, comments and labels."""

from tests.workflows.api.objects import author, commit, repository, user
from tests.workflows.api.state import Answer, Json, RefusedError, Request, State, now, route

LONGEST_BODY = 65_536  # characters
SCOPES = ("issues", "pull_requests")
_NOT_IN_LISTS = ("mergeable", "merged", "merged_by")


def pull_side(state: State, name: str, ref: str, sha: str) -> Json:
    """The head or base of a pull request."""
    owner = name.partition("/")[0]
    side = {"ref": ref, "sha": sha, "label": f"{owner}:{ref}", "user": user(state, owner)}
    return {**side, "repo": repository(state, name)}


def pull(state: State, number: int) -> Json:
    """A pull request as it is now: its commits are those of refs/pull/N."""
    known = dict(state.pulls[number])
    head = state.find(f"refs/pull/{number}/head") or known["head_sha"]
    base = state.find(f"refs/heads/{known['base_ref']}") or ""
    merge = state.find(f"refs/pull/{number}/merge")
    sides = {
        "head": pull_side(state, known.pop("head_repo"), known.pop("head_ref"), head),
        "base": pull_side(state, state.name, known.pop("base_ref"), base),
    }
    known.pop("head_sha")
    mergeable = merge is not None
    return {**known, **sides, "merge_commit_sha": merge, "mergeable": mergeable, **_places(state, "pull", number)}


def _places(state: State, kind: str, number: int) -> Json:
    return {
        "html_url": state.page(f"{kind}/{number}" if kind == "pull" else f"issues/{number}"),
        "url": state.call(f"{kind}s/{number}"),
        "comments_url": state.call(f"issues/{number}/comments"),
    }


def listed_pull(state: State, number: int) -> Json:
    """A pull request as lists have it."""
    return {key: value for key, value in pull(state, number).items() if key not in _NOT_IN_LISTS}


def _pull(state: State, number: int) -> Json:
    if number not in state.pulls:
        raise RefusedError(404, "Not Found")
    return pull(state, number)


@route("GET", "")
def get_repository(state: State, _: Request) -> Answer:
    """The repository."""
    return Answer(repository(state))


@route("GET", "/pulls/{pull_number}", "pull_requests")
def get_pull(state: State, request: Request) -> Answer:
    """A pull request."""
    return Answer(_pull(state, request.number("pull_number")))


@route("GET", "/pulls", "pull_requests")
def list_pulls(state: State, request: Request) -> Answer:
    """Pull requests, the newest first."""
    query = request.query
    newest_first = query.get("direction", "desc") == "desc"
    pulls = [listed_pull(state, number) for number in sorted(state.pulls, reverse=newest_first)]
    pulls = [one for one in pulls if query.get("state", "open") in ("all", one["state"])]
    pulls = [one for one in pulls if query.get("head") in (None, one["head"]["label"])]
    return Answer([one for one in pulls if query.get("base") in (None, one["base"]["ref"])])


@route("POST", "/pulls", "pull_requests")
def create_pull(state: State, request: Request) -> Answer:
    """Open a pull request from a branch of this repository, and set refs/pull/N/head."""
    body = request.body
    _check(body.get("body") or "")
    head = state.find(f"refs/heads/{body['head']}")
    _refuse_pull(state, request, head)
    number = state.next_number()
    state.pulls[number] = {
        **{"id": state.next_id(), "number": number, "title": body["title"], "body": body.get("body")},
        **{"head_ref": body["head"], "head_repo": state.name, "head_sha": head, "base_ref": body["base"]},
        **{"state": "open", "labels": [], "draft": False, "locked": False, "merged": False, "merged_by": None},
        **{"created_at": now(), "updated_at": now(), "closed_at": None, "merged_at": None, "comments": 0},
        **{"user": user(state, request.identity.login), "author_association": "NONE"},
    }
    state.git("update-ref", f"refs/pull/{number}/head", str(head))
    return Answer(pull(state, number), 201)


def _refuse_pull(state: State, request: Request, head: str | None) -> None:
    """Refuse a new pull request as GitHub does."""
    body, app = request.body, request.identity.app
    if app is not None and app.slug == "github-actions" and not state.actions_open_pulls:
        raise RefusedError(403, "GitHub Actions is not permitted to create or approve pull requests.")
    base = state.find(f"refs/heads/{body['base']}")
    if head is None or base is None:
        raise RefusedError(422, "Validation Failed: head or base is invalid")
    if not state.git("rev-list", "--max-count=1", f"{base}..{head}"):
        raise RefusedError(422, f"Validation Failed: No commits between {body['base']} and {body['head']}")
    same = {"head_ref": body["head"], "head_repo": state.name, "base_ref": body["base"], "state": "open"}
    if any(same.items() <= one.items() for one in state.pulls.values()):
        name = f"{state.owner}:{body['head']}"
        raise RefusedError(422, f"Validation Failed: A pull request already exists for {name}.")


@route("PATCH", "/pulls/{pull_number}", "pull_requests")
def update_pull(state: State, request: Request) -> Answer:
    """Change title, text or state."""
    number = request.number("pull_number")
    _pull(state, number)
    _check(request.body.get("body") or "")
    changed: Json = {key: request.body[key] for key in ("title", "body", "state") if key in request.body}
    if "state" in changed:
        changed["closed_at"] = now() if changed["state"] == "closed" else None
    state.pulls[number].update(changed, updated_at=now())
    return Answer(_pull(state, number))


@route("GET", "/pulls/{pull_number}/commits", "pull_requests")
def list_commits(state: State, request: Request) -> Answer:
    """The commits of a pull request, the oldest first, 250 at most, with the accounts that GitHub knows."""
    pull_request = _pull(state, request.number("pull_number"))
    spread = f"{state.find('main')}..{pull_request['head']['sha']}"
    commits = state.git("rev-list", "--reverse", "--topo-order", spread).split()[:250]
    return Answer([_listed_commit(state, sha, pull_request["user"]["login"]) for sha in commits])


def _listed_commit(state: State, sha: str, author_login: str) -> Json:
    git_commit = commit(state, sha)
    people = zip(("author", "committer"), state.writers.get(sha, (author_login, author_login)), strict=True)
    accounts = {role: login and user(state, login) for role, login in people}
    place = {"url": state.call(f"commits/{sha}"), "html_url": git_commit["html_url"]}
    inner = {key: git_commit[key] for key in ("author", "committer", "message", "tree", "url", "verification")}
    return {"sha": sha, "commit": {**inner, "comment_count": 0}, "parents": git_commit["parents"], **place, **accounts}


@route("GET", "/issues/{issue_number}/events", *SCOPES)
def list_events(state: State, request: Request) -> Answer:
    """The events of an issue or a pull request."""
    return Answer(list(state.events.get(_known(state, request), [])))


@route("GET", "/issues/{issue_number}/comments", *SCOPES)
def list_comments(state: State, request: Request) -> Answer:
    """Comments, the oldest first."""
    comments = state.notes.get(_known(state, request), [])
    return Answer([one for one in comments if one["updated_at"] >= request.query.get("since", "")])


@route("POST", "/issues/{issue_number}/comments", *SCOPES)
def create_comment(state: State, request: Request) -> Answer:
    """Make a comment."""
    _check(request.body["body"])
    return Answer(comment(state, _known(state, request), request.body["body"], author(state, request.identity)), 201)


@route("PATCH", "/issues/comments/{comment_id}", *SCOPES)
def update_comment(state: State, request: Request) -> Answer:
    """Change the text of a comment."""
    _check(request.body["body"])
    note = _comment(state, request)
    note.update(body=request.body["body"], updated_at=now())
    return Answer(note)


@route("GET", "/issues", "issues")
def list_issues(state: State, request: Request) -> Answer:
    """Issues, the newest first; on GitHub pull requests are among them, here they are not."""
    labels = set(filter(None, request.query.get("labels", "").split(",")))
    query = request.query
    issues = [one for one in state.issues.values() if query.get("state", "open") in ("all", one["state"])]
    issues = [one for one in issues if labels <= {label["name"] for label in one["labels"]}]
    issues = [one for one in issues if query.get("creator") in (None, one["user"]["login"])]
    return Answer(sorted(issues, key=lambda one: -one["number"]))


@route("POST", "/issues", "issues")
def create_issue(state: State, request: Request) -> Answer:
    """Make an issue."""
    _check(request.body.get("body") or "")
    number = state.next_number()
    labels = [_label(state, label) for label in request.body.get("labels", [])]
    texts = {"title": str(request.body["title"]), "body": request.body.get("body"), "labels": labels}
    times = {"created_at": now(), "updated_at": now(), "closed_at": None, "state": "open", "comments": 0}
    known = {"id": state.next_id(), "number": number, **texts, **times, **_places(state, "issue", number)}
    state.issues[number] = known | author(state, request.identity)
    return Answer(state.issues[number], 201)


@route("PATCH", "/issues/{issue_number}", *SCOPES)
def update_issue(state: State, request: Request) -> Answer:
    """Change title, text, state or labels."""
    issue = state.issues.get(request.number("issue_number"))
    if issue is None:
        raise RefusedError(404, "Not Found")
    changed: Json = {
        key: request.body[key] for key in ("title", "body", "state", "state_reason") if key in request.body
    }
    _check(changed.get("body") or "")
    if "labels" in request.body:
        changed["labels"] = [_label(state, label) for label in request.body["labels"]]
    if "state" in changed:
        changed["closed_at"] = now() if changed["state"] == "closed" else None
    issue.update(changed, updated_at=now())
    return Answer(issue)


@route("POST", "/issues/{issue_number}/labels", *SCOPES)
def add_labels(state: State, request: Request) -> Answer:
    """Add labels to an issue or a pull request."""
    number = _known(state, request)
    entry = state.pulls.get(number) or state.issues[number]
    for given in request.body["labels"]:
        label = _label(state, given)
        entry["labels"].append(label)
        known = {"id": state.next_id(), "event": "labeled", "actor": user(state, request.identity.login)}
        state.events.setdefault(number, []).append({**known, "created_at": now(), "label": label})
    return Answer(entry["labels"])


def comment(state: State, number: int, body: str, written_by: Json) -> Json:
    """Add a comment to an issue or a pull request."""
    identifier = state.next_id()
    note = {
        "id": identifier,
        "body": body,
        "created_at": now(),
        "updated_at": now(),
        "author_association": "NONE",
        "html_url": state.page(f"pull/{number}#issuecomment-{identifier}"),
        "url": state.call(f"issues/comments/{identifier}"),
        "issue_url": state.call(f"issues/{number}"),
        **written_by,
    }
    state.notes.setdefault(number, []).append(note)
    return note


def _known(state: State, request: Request) -> int:
    number = request.number("issue_number")
    if number not in state.pulls and number not in state.issues:
        raise RefusedError(404, "Not Found")
    if number in state.issues and not request.identity.may("issues", "read"):
        raise RefusedError(403, "Resource not accessible by integration")
    return number


def _comment(state: State, request: Request) -> Json:
    identifier = request.number("comment_id")
    for note in (note for notes in state.notes.values() for note in notes):
        if note["id"] == identifier:
            return note
    raise RefusedError(404, "Not Found")


def _check(body: str) -> None:
    if len(body) > LONGEST_BODY:
        raise RefusedError(422, f"Body is too long (maximum is {LONGEST_BODY} characters)")


def _label(state: State, given: str | Json) -> Json:
    name = given if isinstance(given, str) else str(given["name"])
    return {"id": state.id_of(("label", name)), "name": name, "color": "ededed", "default": False}
