"""What people call a commit, looked up so that a name has one meaning, and the branch that changes are compared with.

git itself takes a tag before a branch: a tag called main would stand in for main. Here a branch comes first, and a tag
counts where it is asked for in full (refs/tags/NAME).
"""

import re
from dataclasses import dataclass
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.repo.git import git, git_error, run_git

# The name of a ref cannot hold what begins a path from it: main~2, HEAD^1, main@{1}.
_PARTS = re.compile(r"((?:(?!@\{)[^~^:])*)(.*)", re.DOTALL)
_OF_THE_BRANCH = re.compile(r"@\{(u|upstream|push)\}", re.IGNORECASE)
_SPECIAL = re.compile(r"@|HEAD|[A-Z_]+_HEAD")
_HASH = re.compile(r"[0-9a-f]{4,64}")
_WHOLE = (40, 64)  # digits
_PLAIN = re.compile(r"\w[\w./-]*")
_REMOTE = "refs/remotes/"
_STAGED = re.compile(r"refs/tags/[\w-]+#([\w-]+)#(\d+)")
_VERSION = re.compile(r"refs/tags/[\w-]+@v(\d+)\.(\d+)\.(\d+)")
_WITH_COMMIT = "%(refname) %(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)"
BASE, CANDIDATE = "--base", "--candidate"
_MOST = 8  # names that a message lists


@dataclass(frozen=True)
class OnStage:
    """What is on a stage: its commit, the version (None where no tag says it), and the newest version of all."""

    stage: str
    commit: str
    version: tuple[int, ...] | None
    newest: tuple[int, ...]

    @property
    def name(self) -> str:
        """Such as: production (v1.2.0)."""
        return f"{self.stage} ({version_name(self.version)})" if self.version else self.stage


def version_name(version: tuple[int, ...]) -> str:
    """Such as v1.2.0."""
    return f"v{'.'.join(map(str, version))}"


def on_stage(root: Path, stage: str) -> OnStage | None:
    """What GTO's tags in this clone say is on a stage, such as production; None where they say nothing."""
    if not re.fullmatch(r"[\w-]+", stage):
        return None
    wanted = (f"refs/tags/*#{stage}#*", "refs/tags/*@v*")
    tags = dict(line.split() for line in git(root, "for-each-ref", f"--format={_WITH_COMMIT}", *wanted).splitlines())
    known = {tuple(map(int, match.groups())): tags[ref] for ref in tags if (match := _VERSION.fullmatch(ref))}
    for ref in _staged(stage, set(tags)):
        own = [version for version, commit in known.items() if commit == tags[ref]]
        return OnStage(stage, tags[ref], max(own, default=None), max(known, default=()))
    return None


def find_commit(root: Path, name: str, option: str = BASE) -> str:
    """The commit that people call `name`: a branch here, one of a remote, a full ref, a commit, or a path from these.

    Where none is called so, what is on a stage of that name: `production`, `staging`.

    `option` is the one that named it, for the remedy.

    Raises:
        VerdictError: there is none, with the names that there are; or git refuses, with its own reason.
    """
    refs = set(git(root, "for-each-ref", "--format=%(refname)").splitlines())
    found = _PARTS.fullmatch(name)
    known, path = (found[1], found[2]) if found else (name, "")
    start = _start(root, known, refs)
    if _OF_THE_BRANCH.match(path) and start.startswith("refs/heads/"):
        start = known.removeprefix("refs/").removeprefix("heads/")
    if not start:
        raise _unknown(root, name, known, refs, option)
    done = run_git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{start}{path}^{{commit}}")
    if done.returncode:
        raise git_error("rev-parse", done) if done.stderr else _unknown(root, name, known, refs, option)
    return done.stdout.decode().strip()


def default_branch(root: Path) -> str:
    """What changes are compared with where nobody says it: `git config verdict.base`, else origin's own default."""
    setting = run_git(root, "config", "--get", "verdict.base").stdout.decode().strip()
    told = run_git(root, "symbolic-ref", "--quiet", f"{_REMOTE}origin/HEAD").stdout.decode().strip()
    return setting or told.removeprefix(f"{_REMOTE}origin/") or "main"


def _start(root: Path, known: str, refs: set[str]) -> str:
    """In full, the ref or the commit with which a name begins; empty where there is none."""
    if _SPECIAL.fullmatch(known):
        return known
    if len(known) in _WHOLE and (commit := _by_hash(root, known)):
        return commit
    return next((ref for ref in _meanings(root, known, refs) if ref in refs), "") or _by_hash(root, known)


def _staged(stage: str, refs: set[str]) -> list[str]:
    """The tag by which GTO says what is on a stage, such as production: that with the highest number."""
    found = [(int(match[2]), match[0]) for ref in refs if (match := _STAGED.fullmatch(ref)) and match[1] == stage]
    return [max(found)[1]] if found else []


def _meanings(root: Path, known: str, refs: set[str]) -> list[str]:
    """The refs that a name may mean, the likeliest first."""
    own, tracked = f"refs/heads/{known}", f"{_REMOTE}{known}"
    of_remote = any(known.startswith(f"{remote}/") for remote in git(root, "remote").splitlines())
    others = sorted(ref for ref in refs if ref.startswith(_REMOTE) and ref.split("/", 3)[-1] == known)
    return [
        *([known] if known.startswith("refs/") else []),
        *([tracked, own] if of_remote else [own, tracked]),
        *([f"refs/{known}"] if known.startswith(("heads/", "remotes/", "tags/")) else []),
        f"{_REMOTE}origin/{known}",
        *(others if len(others) == 1 else []),
        *_staged(known, refs),
        f"{tracked}/HEAD",
    ]


def _by_hash(root: Path, known: str) -> str:
    """The one commit whose hash begins so; empty where there is none, or several."""
    if not _HASH.fullmatch(known):
        return ""
    alike = git(root, "rev-parse", f"--disambiguate={known}")
    kinds = [line.split() for line in git(root, "cat-file", "--batch-check", stdin=alike).splitlines()]
    commits = [line[0] for line in kinds if line[1] in ("commit", "tag")]
    return commits[0] if len(commits) == 1 else ""


def _unknown(root: Path, name: str, known: str, refs: set[str], option: str) -> VerdictError:
    what, remedies = "no such revision here", []
    shallow = git(root, "rev-parse", "--is-shallow-repository").strip() == "true"
    remotes = git(root, "remote").splitlines()
    if f"refs/tags/{known}" in refs:
        what = "no such branch or commit here, only a tag"
        remedies.append(f"refs/tags/{known} is the tag")
    if shallow:
        what += "; this clone is shallow and lacks older commits"
        remedies.append("git fetch --unshallow")
    branch = known.removeprefix("origin/")
    if "origin" in remotes and _PLAIN.fullmatch(branch) and not _SPECIAL.fullmatch(branch):
        depth = "--depth 1 " if shallow else ""
        remedies.append(f"git fetch {depth}origin +refs/heads/{branch}:{_REMOTE}origin/{branch}")
    branches = sorted(ref for ref in refs if ref.startswith(("refs/heads/", _REMOTE)) and not ref.endswith("/HEAD"))
    there = [ref.split("/", 2)[2] for ref in branches]
    if there:
        more = f" and {len(there) - _MOST} more" if len(there) > _MOST else ""
        listed = f"{', '.join(there[:_MOST])}{more}"
        remedies.append(f"{option} with one that is here ({listed})")
        remedies[-1] += ", for good: git config verdict.base NAME" if option == BASE else ""
    if option == BASE:
        remedies.append("on a repository's first run: --bootstrap")
    return VerdictError(name, what, "; or ".join(remedies))
