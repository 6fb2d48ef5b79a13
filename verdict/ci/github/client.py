"""The parts of GitHub's REST API that are used here. Tokens are sent, never printed."""

import os
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from verdict.base.errors import VerdictError

_TIMEOUT = (10, 60)  # seconds to connect, and between two pieces of an answer
_PAGE = 100
_CHUNK, _MOST_CHUNKS = 1 << 20, 200
# The headers of GitHub's rate limits, which count by the hour.
_LIMITS = ("Retry-After", "X-RateLimit-Remaining", "X-RateLimit-Reset")
_LONGEST_WAIT = 3600
# Retries reads alone (urllib3's default): only the caller knows which writes may be repeated.
_RETRY = Retry(total=4, backoff_factor=1, status_forcelist=(429, 500, 502, 503, 504), raise_on_status=False)


class GitHub:
    """A client for one repository, with one token."""

    def __init__(self, repository: str, token: str, url: str = "https://api.github.com") -> None:
        self.repository, self._root = repository, url.rstrip("/")
        self._session = requests.Session()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=_RETRY))
        self._session.headers.update(
            {
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {token}",
                "X-GitHub-Api-Version": "2022-11-28",
            }
        )

    @classmethod
    def from_environment(cls, token: str = "GITHUB_TOKEN") -> "GitHub":  # noqa: S107 - a name
        """Create a client from the variables that GitHub Actions sets, and the variable named `token`."""
        missing = [name for name in ("GITHUB_REPOSITORY", token) if not os.environ.get(name)]
        if missing:
            raise VerdictError(", ".join(missing), "not set", f"run this in GitHub Actions, with env: {token}")
        url = os.environ.get("GITHUB_API_URL", "https://api.github.com")
        return cls(os.environ["GITHUB_REPOSITORY"], os.environ[token], url)

    def get(self, path: str, **query: str | int) -> Any:  # noqa: ANN401 - JSON
        """Return the answer to GET; `path` begins after the repository."""
        return self._request("GET", path, params=query).json()

    def pages(self, path: str, key: str | None = None, **query: str | int) -> Iterator[Any]:
        """Yield the items of a list, page by page; `key` names the list if the answer is an object."""
        for page in range(1, 1000):
            answer = self.get(path, **query, per_page=_PAGE, page=page)
            items = answer[key] if key else answer
            yield from items
            if len(items) < _PAGE:
                return

    def post(self, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Return the answer to POST."""
        return self._request("POST", path, json=body).json()

    def patch(self, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Return the answer to PATCH."""
        return self._request("PATCH", path, json=body).json()

    def dispatch(self, event: str, payload: Mapping[str, str]) -> None:
        """Start the workflows that wait for this event; `ApiError` unless GitHub confirms it."""
        answer = self._request("POST", "/dispatches", json={"event_type": event, "client_payload": payload})
        if answer.status_code != 204:  # such as a proxy's answer
            raise ApiError("POST", "/dispatches", answer)

    def upload(self, address: str, name: str, content: bytes) -> Any:  # noqa: ANN401 - JSON
        """Post a file to an address from GitHub, such as `upload_url` of a release, and return the answer."""
        url, headers = address.partition("{")[0], {"Content-Type": "application/octet-stream"}
        return self._request("POST", "/assets", url=url, params={"name": name}, data=content, headers=headers).json()

    def create_tree(self, files: Mapping[str, Path | None], base: str | None = None) -> str:
        """Create a tree of files by their names, on top of the commit `base`; None removes a file."""
        entries = []
        for name, path in files.items():
            content = path and {"content": b64encode(path.read_bytes()).decode(), "encoding": "base64"}
            blob = self.post("/git/blobs", content)["sha"] if content else None
            entries.append({"path": name, "mode": "100644", "type": "blob", "sha": blob})
        base_tree = {"base_tree": self.get(f"/git/commits/{base}")["tree"]["sha"]} if base else {}
        return str(self.post("/git/trees", {**base_tree, "tree": entries})["sha"])

    def create_commit(self, tree: str, parents: list[str], message: str) -> str:
        """Create a commit of a tree; no ref points at it yet."""
        return str(self.post("/git/commits", {"message": message, "tree": tree, "parents": parents})["sha"])

    def tip(self, ref: str) -> str | None:
        """Return the commit of a ref below refs/; None if there is no such ref."""
        try:
            return str(self.get(f"/git/ref/{quote(ref)}")["object"]["sha"])
        except ApiError as error:
            if error.status != 404:
                raise
            return None

    def update_ref(self, ref: str, commit: str, force: bool = False) -> None:
        """Move a ref below refs/ to a commit; without `force`, only to a descendant of its present commit."""
        self.patch(f"/git/refs/{quote(ref)}", {"sha": commit, "force": force})

    def create_ref(self, ref: str, commit: str) -> None:
        """Create a ref below refs/."""
        self.post("/git/refs", {"ref": f"refs/{ref}", "sha": commit})

    def download(self, path: str, target: Path, most_bytes: int) -> None:
        """Write the answer to GET into `target`; `VerdictError` once it is more than `most_bytes`."""
        remaining = most_bytes
        with target.open("wb") as file:
            for chunk in self._chunks(path):
                remaining -= len(chunk)
                if remaining < 0:
                    raise VerdictError(path, f"more than {most_bytes / 1e6:,.0f} MB", "look at the run that made it")
                file.write(chunk)

    def tail(self, path: str, most_bytes: int) -> str:
        """Return the last `most_bytes` of the answer to GET as text, of an endless answer those of its first 200 MB."""
        end = b""
        for chunk in islice(self._chunks(path), _MOST_CHUNKS):
            end = (end + chunk)[-most_bytes:]
        return end.decode("utf-8", "replace")

    def _chunks(self, path: str) -> Iterator[bytes]:
        with self._request("GET", path, stream=True) as answer:
            try:
                yield from answer.iter_content(_CHUNK)
            except requests.RequestException as error:
                raise _unreachable("GET", path, error) from None

    def _request(self, method: str, path: str, url: str = "", **options: Any) -> requests.Response:  # noqa: ANN401
        url = url or f"{self._root}/repos/{self.repository}{path}"
        try:
            answer = self._session.request(method, url, timeout=_TIMEOUT, **options)
        except requests.RequestException as error:
            raise _unreachable(method, path, error) from None
        if not answer.ok:
            raise ApiError(method, path, answer)
        return answer


def _unreachable(method: str, path: str, error: requests.RequestException) -> VerdictError:
    reason = f"{type(error).__name__}: {error}"[:300]
    return VerdictError(f"{method} {path}", reason, "is GitHub reachable? run the job again")


class ApiError(VerdictError):
    """A refusal by GitHub: `status` is its code, `wait` the seconds before the next request may be sent."""

    def __init__(self, method: str, path: str, answer: requests.Response) -> None:
        try:
            message = str(answer.json().get("message"))[:300]
        except (ValueError, AttributeError):
            message = answer.text[:300]
        remedy = "docs/github.md lists the permissions" if answer.status_code in (401, 403) else "run the job again"
        super().__init__(f"{method} {path}", f"{answer.status_code}: {message}", remedy)
        self.status = answer.status_code
        wait, remaining, reset = (answer.headers.get(name, "") for name in _LIMITS)
        if not wait.isdecimal() and remaining == "0" and reset.isdecimal():
            wait = str(max(int(reset) - int(time.time()), 0))
        self.wait = min(int(wait), _LONGEST_WAIT) if wait.isdecimal() else 0
