"""The registry of versions and stages: annotated tags by GTO, `classifier@v1.2.0` and `classifier#production#3`."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verdict.base.errors import VerdictError
from verdict.delivery.provenance import NAME, Provenance
from verdict.repo.environment import StringMap, child_environment
from verdict.repo.git import git, run_git

_FORM = "%(refname:strip=2)%00%(objectname)%00%(*objectname)%00%(taggername)%00%(contents)%00"
_EVENT = "{timestamp:.19}  {event:<13} {version:<9} {stage!s:<12} {author}"


@dataclass(frozen=True)
class Tag:
    """An annotated tag that registers a version; `id` is the tag's own, `commit` what it is set on."""

    name: str
    id: str
    commit: str
    tagger: str
    message: str

    @property
    def version(self) -> str:
        """Such as v1.2.0."""
        return self.name.rpartition("@")[2]

    @property
    def numbers(self) -> tuple[int, ...]:
        """Its version as numbers, by which tags are ordered."""
        return tuple(map(int, self.version[1:].split(".")))

    @property
    def provenance(self) -> Provenance:
        """The provenance in its message; `VerdictError` where there is none: then the App did not set the tag."""
        remedy = f"git push origin :refs/tags/{self.name}; the App alone may set such tags: docs/github.md, section 8"
        return Provenance.of(self.message, f"tag {self.name}", remedy)


def versions(root: Path) -> list[Tag]:
    """Return the versions, the highest first.

    Raises:
        VerdictError: the clone is shallow, or lacks tags that origin has, and so would miss versions.
    """
    if git(root, "rev-parse", "--is-shallow-repository").strip() == "true":
        raise VerdictError("this clone", "is shallow: it lacks commits and tags", "git fetch --unshallow --tags")
    if "origin" in git(root, "remote").split():
        local = set(git(root, "for-each-ref", "--format=%(refname)", "refs/tags").split())
        listed = git(root, "ls-remote", "--tags", "--refs", "origin", f"{NAME}[@#]*").split()[1::2]
        if missing := [ref for ref in listed if ref not in local]:
            raise VerdictError("this clone", f"lacks tags that origin has, such as {missing[0]}", "git fetch --tags")
    fields = git(root, "for-each-ref", f"--format={_FORM}", f"refs/tags/{NAME}@v*").split("\0")[:-1]
    tags = (Tag(*map(str.strip, fields[at : at + 5])) for at in range(0, len(fields), 5))
    known = [tag for tag in tags if tag.commit and re.fullmatch(rf"{NAME}@v\d+\.\d+\.\d+", tag.name)]
    return sorted(known, key=lambda tag: tag.numbers, reverse=True)


def find_version(root: Path, name: str) -> Tag:
    """Return the tag of a version, which may be written `v1.2.0` or `1.2.0`."""
    version, tags = f"v{name.removeprefix('v')}", versions(root)
    for tag in tags:
        if tag.version == version:
            return tag
    listed = ", ".join(tag.version for tag in tags[:8]) or "none"
    raise VerdictError(f"{NAME}@{version}", f"no such annotated tag; there is {listed}", "verdict release list")


def register(root: Path, provenance: Provenance, login: str) -> None:
    """Register a version and push its tag; repeated, nothing happens.

    Raises:
        VerdictError: the version or the commit has another tag, or origin refuses ours.
    """
    name = f"{NAME}@{provenance.version}"
    for tag in versions(root):
        if name == tag.name or provenance.commit == tag.commit:
            if (name, provenance.commit, provenance.text()) == (tag.name, tag.commit, tag.message):
                return
            what = f"{tag.name} of commit {tag.commit[:10]} says something else than what was built now"
            raise VerdictError(name, what, "run release.yml anew, with all its jobs; verdict release verify tells more")
    options = ("--version", provenance.version, "--message", provenance.text())
    _gto(root, "register", NAME, provenance.commit, *options, variables=_committer(login))
    _push(root, name)


def assign(root: Path, tag: Tag, stage: str, login: str) -> None:
    """Push a tag that puts a version on a stage; repeated, nothing happens. Raises as `register` does."""
    if stage in stages(root).get(tag.version, ()):
        return
    before = set(_stage_tags(root, stage))
    _gto(root, "assign", NAME, "--version", tag.version, "--stage", stage, "--force", variables=_committer(login))
    _push(root, *set(_stage_tags(root, stage)) - before)


def was_on(root: Path, tag: Tag, stage: str) -> bool:
    """Return whether a version is on a stage, or was."""
    return tag.commit in _stage_tags(root, stage, "%(*objectname)")


def _stage_tags(root: Path, stage: str, form: str = "%(refname:strip=2)") -> list[str]:
    return git(root, "for-each-ref", f"--format={form}", f"refs/tags/{NAME}#{stage}#*").split()


def _committer(login: str) -> StringMap:
    return {"GIT_COMMITTER_NAME": login, "GIT_COMMITTER_EMAIL": f"{login}@users.noreply.github.com"}


def _push(root: Path, *names: str) -> None:
    done = run_git(root, "push", "--quiet", "origin", *(f"refs/tags/{name}" for name in names))
    if done.returncode:
        git(root, "tag", "--delete", *names)  # a tag of this clone alone is no release
        reason = " ".join(done.stderr.decode(errors="replace").split())
        raise VerdictError(f"git push of {', '.join(names)}", reason[-600:], "docs/github.md, section 8")


def _gto(root: Path, *arguments: str, variables: StringMap | None = None) -> str:
    command, env = ["gto", *arguments], child_environment(variables)
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise VerdictError(f"gto {arguments[0]}", " ".join((done.stdout + done.stderr).split()), "gto show classifier")
    return done.stdout


def stages(root: Path) -> dict[str, list[str]]:
    """Return the stages of each version, as GTO shows them; withdrawn versions are left out."""
    shown: list[dict[str, Any]] = json.loads(_gto(root, "show", NAME, "--json"))
    return {entry["version"]: [stage["stage"] for stage in entry["stages"]] for entry in shown}


def _about(tag: Tag) -> str:
    try:
        return tag.provenance.about()
    except VerdictError as error:  # one bad tag must not hide the others
        return error.what


def listing(root: Path) -> list[str]:
    """Return lines: versions with stages and scores, then the history."""
    tags = versions(root)
    if not tags:
        return ["no release yet"]
    by_version = stages(root)
    lines = []
    for tag in tags:
        names = ", ".join(by_version.get(tag.version, ["withdrawn"])) or "-"
        lines.append(f"{tag.version:<9} {names:<20} {_about(tag)}")
    history = json.loads(_gto(root, "history", NAME, "--json", "--ascending"))
    return [*lines, "", *(_EVENT.format(**event) for event in history)]
