"""The registry of versions and stages: annotated tags by GTO, `classifier@v1.2.0` and `classifier#production#3`."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verdict.base.errors import VerdictError
from verdict.delivery.provenance import NAME, Provenance
from verdict.repo.environment import Names, environment
from verdict.repo.git import git, run

_FORM = "%00".join(f"%({field})" for field in ("refname:strip=2", "objectname", "*objectname", "taggername", "contents"))
_VERSION = re.compile(rf"{NAME}@(v(\d+)\.(\d+)\.(\d+))")


@dataclass(frozen=True)
class Tag:
    """An annotated tag that registers a version."""

    name: str
    id: str  # of the tag itself
    commit: str
    tagger: str
    message: str

    @property
    def number(self) -> tuple[int, ...]:
        """Its version, to be ordered by."""
        return tuple(map(int, self.name.rpartition("@v")[2].split(".")))

    @property
    def told(self) -> Provenance:
        """What its message says; `VerdictError` where that is no provenance."""
        return Provenance.of(self.message, f"tag {self.name}")


def versions(root: Path) -> list[Tag]:
    """The versions of a clone that has all of them, the highest first.

    Raises:
        VerdictError: the clone is shallow, or lacks tags that origin has: what it lacks would be taken for not there.
    """
    if git(root, "rev-parse", "--is-shallow-repository").strip() == "true":
        raise VerdictError("this clone", "is shallow: it lacks commits and tags", "git fetch --unshallow --tags")
    printed = git(root, "for-each-ref", f"--format={_FORM}%00", f"refs/tags/{NAME}@v*")
    rows = printed.split("\0")[:-1]
    found = [Tag(*(field.strip() for field in rows[at : at + 5])) for at in range(0, len(rows), 5)]
    tags = [tag for tag in found if tag.commit and _VERSION.fullmatch(tag.name)]
    if "origin" in git(root, "remote").split():
        listed = git(root, "ls-remote", "--tags", "--refs", "origin", f"{NAME}[@#]*").splitlines()
        here = set(git(root, "for-each-ref", "--format=%(refname)", "refs/tags").split())
        if lacking := [ref for _, ref in map(str.split, listed) if ref not in here]:
            raise VerdictError("this clone", f"lacks tags that origin has, such as {lacking[0]}", "git fetch --tags")
    return sorted(tags, key=lambda tag: tag.number, reverse=True)


def version(root: Path, name: str) -> Tag:
    """One of them, as people call it: `v1.2.0` or `1.2.0`."""
    wanted, known = f"{NAME}@v{name.removeprefix('v')}", versions(root)
    if found := next((tag for tag in known if tag.name == wanted), None):
        return found
    listed = ", ".join(tag.name for tag in known[:8]) or "none"
    raise VerdictError(wanted, f"no such release, registered by an annotated tag; there is {listed}", "git fetch --tags")


def register(root: Path, told: Provenance, login: str, email: str) -> None:
    """Register a version and push its tag; again, nothing happens.

    Raises:
        VerdictError: the version or the commit has another tag, or origin refuses ours.
    """
    name = f"{NAME}@{told.version}"
    known = [tag for tag in versions(root) if tag.name == name or tag.commit == told.commit]
    if known and (known[0].name, known[0].commit, known[0].message) != (name, told.commit, told.text()):
        what = f"{known[0].name} of commit {known[0].commit[:10]} says something else than what was built now"
        raise VerdictError(name, what, "run release.yml again from its beginning; verdict release verify tells more")
    if not known:
        who = {"GIT_COMMITTER_NAME": login, "GIT_COMMITTER_EMAIL": email}
        gto(root, "register", NAME, told.commit, "--version", told.version, "--message", told.text(), variables=who)
        done = run(root, "push", "--quiet", "origin", f"refs/tags/{name}")
        if done.returncode:
            git(root, "tag", "--delete", name)  # what nobody else has must not be taken for a release
            reason = " ".join(done.stderr.decode(errors="replace").split())
            raise VerdictError(f"git push of {name}", reason[-600:], "docs/github.md, the ruleset of tags")


def gto(root: Path, *arguments: str, variables: Names | None = None) -> str:
    """What a command of GTO prints; `VerdictError` with its own reason where it fails."""
    done = subprocess.run(
        ["gto", *arguments], cwd=root, env=environment(variables), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise VerdictError(f"gto {arguments[0]}", " ".join((done.stdout + done.stderr).split()), "gto show classifier")
    return done.stdout


def listing(root: Path) -> list[str]:
    """Versions with stages and scores, then the history, as GTO tells them."""
    told = {tag.name: tag for tag in versions(root)}
    shown: list[dict[str, Any]] = json.loads(gto(root, "show", NAME, "--json")) if told else []
    lines = []
    for one in sorted((one for one in shown if one["ref"] in told), key=lambda one: list(told).index(one["ref"])):
        stages = ", ".join(stage["stage"] for stage in one["stages"]) or "no stage"
        lines.append(f"{one['version']:<9} {stages:<20} {told[one['ref']].told.about()}")
    events = json.loads(gto(root, "history", NAME, "--json", "--ascending")) if told else []
    history = [
        f"{event['timestamp'][:19]}  {event['event']:<13} {event['version']:<9} {event['stage'] or '':<12} {event['author']}"
        for event in events
    ]
    return [*lines, "", *history] if lines else ["no release yet"]
