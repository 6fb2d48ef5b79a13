"""A workflow file, read without running it: jobs, actions, labels, permissions and triggers."""

import fnmatch
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from tests.documents import load
from tests.workflows.events import Event

Json = dict[str, Any]
STANDINS = Path(__file__).parent / "standins"
_FOLDER = ".github/workflows"
# The stand-in of each action; a path after the repository's name is a folder in it.
ACTIONS = {
    "actions/checkout": "checkout",
    "actions/setup-python": "setup-python",
    "actions/cache": "cache",
    "actions/upload-artifact": "upload-artifact",
    "actions/download-artifact": "download-artifact",
    "actions/create-github-app-token": "create-github-app-token",
    "actions/attest": "attest",
    "iterative/setup-cml": "setup-cml",
    "aws-actions/configure-aws-credentials": "configure-aws-credentials",
}
_PULL_TYPES = ("opened", "synchronize", "reopened")
_LABELS = ("ubuntu-latest", "ubuntu-24.04", "ubuntu-22.04", "self-hosted", "linux", "x64", "gpu", "gpu-main")
_SERVE = ("serve-staging", "serve-production")


class UnknownActionError(Exception):
    """A workflow uses an action without a stand-in."""


@dataclass(frozen=True)
class Step:
    """A step of a job, as the file has it."""

    key: str  # act's name of the step: its id, or else its number
    name: str


@dataclass(frozen=True)
class Workflow:
    """A workflow file of a checkout."""

    root: Path
    file: str

    @cached_property
    def body(self) -> Json:
        """The file, parsed; YAML reads the key `on` as a boolean."""
        document: dict[Any, Any] = _load(self.root / _FOLDER / self.file)
        return {"on" if key is True else str(key): value for key, value in document.items()}

    @property
    def name(self) -> str:
        """The name that other workflows know it by."""
        return str(self.body.get("name") or f"{_FOLDER}/{self.file}")

    @property
    def jobs(self) -> Mapping[str, Json]:
        """Jobs by id."""
        jobs: dict[str, Json] = self.body["jobs"]
        return jobs

    def called(self, job: str) -> "Workflow | None":
        """The workflow of this repository that a job calls."""
        uses = str(self.jobs[job].get("uses", ""))
        return Workflow(self.root, uses.rpartition("/")[2]) if uses.startswith(f"./{_FOLDER}/") else None

    def steps(self, job: str) -> list[Step]:
        """The steps of a job."""
        entries = enumerate(self.jobs[job].get("steps", []))
        return [Step(str(entry.get("id", number)), _title(entry)) for number, entry in entries]

    def actions(self) -> set[str]:
        """All third-party `uses:`, also those of local actions and called workflows."""
        found: set[str] = set()
        for job, body in self.jobs.items():
            if (called := self.called(job)) is not None:
                found |= called.actions()
            elif "uses" in body:
                raise UnknownActionError(f"job {job} calls {body['uses']}")
            found |= _third_parties(self.root, body.get("steps", []))
        return found

    def labels(self, variables: Mapping[str, str]) -> set[str]:
        """All labels that `runs-on` can be: words of the files and of the variables."""
        texts = [*variables.values(), *(str(body.get("runs-on", "")) for body in self.jobs.values())]
        texts += [str(value) for body in self.jobs.values() for value in body.get("with", {}).values()]
        found = {word for text in texts for word in re.findall(r"[A-Za-z][\w.-]*", text)} | {*_LABELS, *_SERVE}
        return found.union(*(called.labels({}) for job in self.jobs if (called := self.called(job)) is not None))

    def permissions(self) -> dict[str, str]:
        """The highest permissions of GITHUB_TOKEN in any job; the default is to read contents."""
        blocks = [body.get("permissions", self.body.get("permissions")) for body in self.jobs.values()]
        found: dict[str, str] = {}
        for block in blocks:
            assert not isinstance(block, str), f"{self.file}: permissions: {block}"
            for name, level in ({"contents": "read"} if block is None else block).items():
                scope = name.replace("-", "_")
                found[scope] = max(level, found.get(scope, "none"), key=("none", "read", "write").index)
        return found

    def refusal(self, event: Event) -> str:
        """The reason why GitHub would not start it for an event; empty if it would. Path filters are ignored."""
        triggers = self.body["on"]
        triggers = {triggers: None} if isinstance(triggers, str) else triggers
        if event.name not in triggers:
            return f"on: has no {event.name}"
        rules: Json = (triggers[event.name] if isinstance(triggers, dict) else None) or {}
        if event.name == "schedule":
            return ""
        types = rules.get("types", _PULL_TYPES if event.name == "pull_request" else None)
        if types is not None and event.payload.get("action") not in ([types] if isinstance(types, str) else types):
            return f"types: {types} has no {event.payload.get('action')}"
        if "branches" in rules and not any(fnmatch.fnmatch(b, p) for b in event.branches for p in rules["branches"]):
            return f"branches: {rules['branches']} has none of {event.branches}"
        names = rules.get("workflows")
        if event.name == "workflow_run" and not {event.payload["workflow"]["name"]} & set(names or []):
            return f"workflows: {names} has no {event.payload['workflow']['name']}"
        return ""


def standins(actions: set[str]) -> dict[str, Path]:
    """Folders for OWNER/REPO@REF."""
    found = {}
    for action in actions:
        path, _, ref = action.partition("@")
        repository = "/".join(path.split("/")[:2])
        if repository not in ACTIONS:
            raise UnknownActionError(action)
        found[f"{repository}@{ref}"] = STANDINS / ACTIONS[repository]
    return found


def _third_parties(root: Path, steps: list[Json]) -> set[str]:
    found: set[str] = set()
    for step in steps:
        uses = str(step.get("uses", ""))
        if uses.startswith("./"):
            # It may be in a folder into which an earlier step checks main out.
            folder = next(iter(_local(root, uses)), None)
            if folder is None:
                raise UnknownActionError(uses)
            found |= _third_parties(root, _load(folder).get("runs", {}).get("steps", []))
        elif uses:
            _check_inputs(uses, step.get("with", {}))
            found.add(uses)
    return found


def _local(root: Path, uses: str) -> Iterator[Path]:
    parts = Path(uses).parts
    for start in range(len(parts)):
        for name in ("action.yml", "action.yaml"):
            path = root.joinpath(*parts[start:], name)
            if path.is_file():
                yield path


def _check_inputs(uses: str, given: Json) -> None:
    repository = "/".join(uses.partition("@")[0].split("/")[:2])
    if repository not in ACTIONS:
        raise UnknownActionError(uses)
    folder = STANDINS.joinpath(ACTIONS[repository], *uses.partition("@")[0].split("/")[2:])
    if not (folder / "action.yml").is_file():
        raise UnknownActionError(uses)
    unknown = set(given) - set(_load(folder / "action.yml").get("inputs", {}))
    if unknown:
        raise UnknownActionError(f"{uses}: the stand-in knows no input {', '.join(sorted(unknown))}")


def _title(step: Json) -> str:
    text = step.get("name") or step.get("id") or step.get("uses") or str(step.get("run", "")).partition("\n")[0]
    return str(text)


def _load(path: Path) -> Json:
    return _parsed(path.read_bytes())


@lru_cache  # called for every line of a log; the result is never changed
def _parsed(text: bytes) -> Json:
    found: Json = load(text)
    return found
