"""The Git database: blobs, trees, commits and refs, written with git's own plumbing."""

import base64
import binascii
import tempfile
from pathlib import Path

from tests.workflows.api.objects import commit
from tests.workflows.api.state import Answer, GitError, Json, RefusedError, Request, State, route

_TYPES = {"040000": "tree", "160000": "commit"}
_NO_OBJECT = "0" * 40


@route("POST", "/git/blobs", "contents")
def create_blob(state: State, request: Request) -> Answer:
    """Store the bytes of a file."""
    content = request.body["content"]
    try:
        is_base64 = request.body.get("encoding", "utf-8") == "base64"
        data = base64.b64decode(content, validate=True) if is_base64 else content.encode()
    except binascii.Error:
        raise RefusedError(422, "content is not valid Base64") from None
    sha = state.git("hash-object", "-w", "--stdin", text=data)
    return Answer({"sha": sha, "url": state.call(f"git/blobs/{sha}")}, 201)


@route("POST", "/git/trees", "contents")
def create_tree(state: State, request: Request) -> Answer:
    """Make a tree, from nothing or from a base tree."""
    with tempfile.TemporaryDirectory() as folder:
        env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        try:
            if base := request.body.get("base_tree"):
                state.git("read-tree", base, env=env)
            lines = [_entry(state, entry) for entry in request.body["tree"]]
            state.git("update-index", "--add", "--index-info", text="".join(lines), env=env)
            sha = state.git("write-tree", env=env)
        except GitError as error:
            raise RefusedError(422, f"tree is not valid: {error}") from None
    listing = [line.split(None, 3) for line in state.git("ls-tree", "-z", sha).split("\0") if line]
    tree = [dict(zip(("mode", "type", "sha", "path"), entry, strict=True)) for entry in listing]
    return Answer({"sha": sha, "url": state.call(f"git/trees/{sha}"), "tree": tree, "truncated": False}, 201)


def _entry(state: State, entry: Json) -> str:
    sha = entry.get("sha", ...)
    if sha is ...:
        sha = state.git("hash-object", "-w", "--stdin", text=entry["content"])
    if sha is None:
        return f"0 {_NO_OBJECT}\t{entry['path']}\n"
    state.git("cat-file", "-e", f"{sha}^{{{_TYPES.get(entry['mode'], 'blob')}}}")
    return f"{entry['mode']} {sha}\t{entry['path']}\n"


@route("POST", "/git/commits", "contents")
def create_commit(state: State, request: Request) -> Answer:
    """Make a commit; no branch has it yet."""
    body = request.body
    default = {"name": request.identity.login, "email": f"{request.identity.login}@users.noreply.github.com"}
    author: Json = body.get("author", default)
    env: dict[str, str] = {}
    people: dict[str, Json] = {"AUTHOR": author, "COMMITTER": body.get("committer", author)}
    for role, person in people.items():
        env |= {f"GIT_{role}_NAME": person["name"], f"GIT_{role}_EMAIL": person["email"]}
        env |= {f"GIT_{role}_DATE": person["date"]} if "date" in person else {}
    parents = [argument for parent in body.get("parents", []) for argument in ("-p", parent)]
    try:
        sha = state.git("commit-tree", f"{body['tree']}^{{tree}}", *parents, text=body["message"], env=env)
    except GitError:
        raise RefusedError(422, "Tree SHA or a parent does not exist") from None
    return Answer(commit(state, sha), 201)


@route("GET", "/git/commits/{commit_sha}", "contents")
def get_commit(state: State, request: Request) -> Answer:
    """A commit by its id."""
    sha = state.find(request.parts["commit_sha"])
    if sha is None:
        raise RefusedError(404, "Not Found")
    return Answer(commit(state, sha))


@route("GET", "/rules/branches/{branch}")
def list_rules(state: State, _: Request) -> Answer:
    """The rules of a branch, by rulesets; branch protection is not among them."""
    source = {"ruleset_source_type": "Repository", "ruleset_source": state.name, "ruleset_id": 1}
    return Answer([{**rule, **source} for rule in state.rules])


@route("GET", "/git/ref/{ref}", "contents")
def get_ref(state: State, request: Request) -> Answer:
    """A branch, tag or other ref."""
    name = f"refs/{request.parts['ref']}"
    return Answer(_ref(state, name, _at(state, name, 404, "Not Found")))


@route("POST", "/git/refs", "contents")
def create_ref(state: State, request: Request) -> Answer:
    """Make a branch, tag or other ref."""
    name, sha = request.body["ref"], request.body["sha"]
    if not name.startswith("refs/") or name.count("/") < 2:
        raise RefusedError(422, "Reference name must start with 'refs/' and have at least two slashes")
    if state.find(sha) is None:
        raise RefusedError(422, "Object does not exist")
    if _exists(state, name):
        raise RefusedError(422, "Reference already exists")
    return Answer(_write(state, name, sha), 201)


@route("PATCH", "/git/refs/{ref}", "contents")
def update_ref(state: State, request: Request) -> Answer:
    """Move a ref: fast-forward, or anywhere with force."""
    name, sha = f"refs/{request.parts['ref']}", request.body["sha"]
    before = _at(state, name, 422, "Reference does not exist")
    if state.find(sha) is None:
        raise RefusedError(422, "Object does not exist")
    if not request.body.get("force", False):
        try:
            state.git("merge-base", "--is-ancestor", before, sha)
        except GitError:
            raise RefusedError(422, "Update is not a fast forward") from None
    return Answer(_write(state, name, sha))


def _exists(state: State, name: str) -> bool:
    try:
        state.git("show-ref", "--verify", "--quiet", name)
    except GitError:
        return False
    return True


def _at(state: State, name: str, status: int, message: str) -> str:
    if not _exists(state, name):
        raise RefusedError(status, message)
    return state.git("rev-parse", name)


def _write(state: State, name: str, sha: str) -> Json:
    try:
        state.git("update-ref", name, sha)
    except GitError as error:
        raise RefusedError(422, f"Reference is not valid: {error}") from None
    return _ref(state, name, sha)


def _ref(state: State, name: str, sha: str) -> Json:
    kind = state.git("cat-file", "-t", sha)  # an annotated tag is an object of its own
    target = {"type": kind, "sha": sha, "url": state.call(f"git/{kind}s/{sha}")}
    return {"ref": name, "url": state.call(f"git/{name}"), "object": target}
