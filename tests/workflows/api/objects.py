"""Objects in many answers: users, repositories, commits."""

from tests.workflows.api.state import App, Identity, Json, State

_INSTANT = "2026-01-01T00:00:00Z"
_UNKNOWN_PERSON = {"name": "Test", "email": "test@localhost", "date": _INSTANT}


def user(state: State, login: str) -> Json:
    """An account; a login that ends in [bot] is an App's."""
    page = f"https://github.com/{login.removesuffix('[bot]')}"
    account = {"login": login, "id": state.id_of(("user", login)), "type": "Bot" if login.endswith("[bot]") else "User"}
    return {**account, "html_url": page, "url": f"{state.url}/users/{login}", "site_admin": False}


def app(state: State, github_app: App | None) -> Json | None:
    """An App, or none."""
    if github_app is None:
        return None
    return {
        "id": github_app.id,
        "slug": github_app.slug,
        "name": github_app.slug,
        "owner": {**user(state, "github"), **_links("github", state)},
        "html_url": f"https://github.com/apps/{github_app.slug}",
        "permissions": {},
        "events": [],
    }


def author(state: State, identity: Identity) -> Json:
    """The author fields of a comment or an issue."""
    return {"user": user(state, identity.login), "performed_via_github_app": app(state, identity.app)}


def repository(state: State, name: str | None = None) -> Json:
    """The repository, or a fork of it."""
    name = name or state.name
    owner, _, short = name.partition("/")
    return {
        "id": state.id_of(("repository", name)),
        "name": short,
        "full_name": name,
        "owner": user(state, owner),
        "fork": name != state.name,
        "private": True,
        "visibility": "private",
        "default_branch": "main",
        "html_url": f"https://github.com/{name}",
        "clone_url": f"https://github.com/{name}.git",
        "url": f"{state.url}/repos/{name}",
    }


def commit(state: State, sha: str) -> Json:
    """A commit of the bare repository, as the Git database has it."""
    form = "%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B"
    tree, parents, *people, message = state.git("show", "--no-patch", f"--format={form}", sha).split("\0")
    keys = ("name", "email", "date")
    return {
        "sha": sha,
        "url": state.call(f"git/commits/{sha}"),
        "html_url": state.page(f"commit/{sha}"),
        "tree": {"sha": tree, "url": state.call(f"git/trees/{tree}")},
        "parents": [{"sha": parent, "url": state.call(f"git/commits/{parent}")} for parent in parents.split()],
        "author": dict(zip(keys, people[:3], strict=True)),
        "committer": dict(zip(keys, people[3:], strict=True)),
        "message": message.rstrip("\n"),
        "verification": {"verified": False, "reason": "unsigned", "signature": None, "payload": None},
    }


def simple_commit(state: State, sha: str) -> Json:
    """A commit, as a run has it; placeholders for a fork's commit that is not in the repository."""
    if state.find(sha) is None:
        return {
            "id": sha,
            "tree_id": sha,
            "message": "",
            "timestamp": _INSTANT,
            "author": _UNKNOWN_PERSON,
            "committer": _UNKNOWN_PERSON,
        }
    git_commit = commit(state, sha)
    return {
        "id": sha,
        "tree_id": git_commit["tree"]["sha"],
        "message": git_commit["message"],
        "timestamp": git_commit["committer"]["date"],
        "author": {key: git_commit["author"][key] for key in ("name", "email")},
        "committer": {key: git_commit["committer"][key] for key in ("name", "email")},
    }


def _links(login: str, state: State) -> Json:
    return {"url": f"{state.url}/users/{login}"}
