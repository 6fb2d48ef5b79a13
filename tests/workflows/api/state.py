"""The state of the tests' GitHub, and the types of its endpoints."""

import itertools
import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Json = dict[str, Any]
REPOSITORY = "/repos/{owner}/{repo}"
_LEVELS = ("none", "read", "write")


def now() -> str:
    """The current second, as GitHub writes it."""
    return instant(datetime.now(UTC))


def instant(moment: datetime) -> str:
    """A moment as GitHub writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class App:
    """A GitHub App; GitHub Actions is one."""

    slug: str = "github-actions"
    id: int = 15368


@dataclass(frozen=True)
class Identity:
    """The owner and the permissions of a token."""

    login: str = "github-actions[bot]"
    app: App | None = field(default_factory=App)
    permissions: Mapping[str, str] = field(default_factory=dict)

    def may(self, scope: str, level: str) -> bool:
        """Return whether the token has a permission."""
        return _LEVELS.index(self.permissions.get(scope, "none")) >= _LEVELS.index(level)


@dataclass(frozen=True)
class Request:
    """An authenticated request."""

    parts: Mapping[str, str]  # variables of the path
    query: Mapping[str, str]
    body: Json
    identity: Identity
    raw: bytes = b""

    def number(self, name: str) -> int:
        """A variable of the path that is a number."""
        if not self.parts[name].isdecimal():
            raise RefusedError(404, "Not Found")
        return int(self.parts[name])


@dataclass(frozen=True)
class Answer:
    """The answer of an endpoint; missing fields are filled in from the schema."""

    content: Any = None
    status: int = 200
    location: str | None = None


class RefusedError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(eq=False)
class State:
    """The state of a repository on GitHub."""

    name: str
    folder: Path  # the bare repository
    artifacts: Path  # <run id>/<artifact>.zip
    url: str = ""  # of the API
    downloads: str = ""  # of the storage behind it
    tokens: dict[str, Identity] = field(default_factory=dict)
    pulls: dict[int, Json] = field(default_factory=dict)
    issues: dict[int, Json] = field(default_factory=dict)
    notes: dict[int, list[Json]] = field(default_factory=dict)
    events: dict[int, list[Json]] = field(default_factory=dict)
    runs: dict[int, Json] = field(default_factory=dict)
    jobs: dict[int, list[Json]] = field(default_factory=dict)
    logs: dict[int, str] = field(default_factory=dict)
    folders: dict[int, Path] = field(default_factory=dict)
    checks: list[Json] = field(default_factory=list)
    releases: list[Json] = field(default_factory=list)
    deployments: list[Json] = field(default_factory=list)
    dispatches: list[Json] = field(default_factory=list)
    attestations: list[Json] = field(default_factory=list)
    merges: dict[int, str] = field(default_factory=dict)  # the commit that a merged pull request became
    actions_open_pulls: bool = False  # the setting of docs/github.md, section 4
    rules: list[Json] = field(default_factory=list)  # of main's ruleset
    writers: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)  # author and committer, by commit
    workflows: dict[str, Json] = field(default_factory=dict)  # deviations from the defaults, by file name
    stored: dict[str, bytes] = field(default_factory=dict)  # content of download addresses
    identifiers: dict[object, int] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1001))

    def next_id(self) -> int:
        """A new, unique id."""
        return next(self._ids)

    def id_of(self, thing: object) -> int:
        """The id of an object without a record, such as a user or a label."""
        return self.identifiers.setdefault(thing, self.next_id())

    def next_number(self) -> int:
        """The number of the next issue or pull request."""
        return max([0, *self.issues, *self.pulls]) + 1

    @property
    def owner(self) -> str:
        """The owner of the repository."""
        return self.name.partition("/")[0]

    def page(self, path: str) -> str:
        """An address that a browser opens."""
        return f"https://github.com/{self.name}/{path}"

    def call(self, path: str) -> str:
        """An address of the API."""
        return f"{self.url}/repos/{self.name}/{path}"

    def git(self, *arguments: str, text: str | bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """Run git in the bare repository; return its output. A failure raises `GitError`."""
        process = subprocess.run(
            ["git", "-C", str(self.folder), *arguments],
            check=False,
            input=text.encode() if isinstance(text, str) else text,
            capture_output=True,
            env={"PATH": _PATH, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", **(env or {})},
            timeout=60,
        )
        if process.returncode:
            raise GitError(process.stderr.decode(errors="replace"))
        return process.stdout.decode().rstrip("\n")

    def find(self, revision: str) -> str | None:
        """The commit id of a revision; None if it does not exist."""
        try:
            return self.git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        except GitError:
            return None


class GitError(Exception):
    """A git command failed."""


_PATH = os.environ.get("PATH", os.defpath)
Endpoint = Callable[[State, Request], Answer]


@dataclass(frozen=True)
class Route:
    """An endpoint, and its permissions, of which a token needs one."""

    endpoint: Endpoint
    scopes: tuple[str, ...]
    level: str


ROUTES: dict[tuple[str, str], Route] = {}


def route(method: str, template: str, *scopes: str) -> Callable[[Endpoint], Endpoint]:
    """Register the endpoint of a path below the repository; a GET needs read, other methods write."""

    def add(endpoint: Endpoint) -> Endpoint:
        ROUTES[method, REPOSITORY + template] = Route(endpoint, scopes, "read" if method == "GET" else "write")
        return endpoint

    return add
