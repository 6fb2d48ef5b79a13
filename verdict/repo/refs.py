"""Find the commit that a name means, and the branch that changes are compared with.

git itself prefers a tag to a branch: a tag called main would be taken for main. Here a branch comes first, and a tag
is found by its full name alone (refs/tags/NAME).
"""

import re
from dataclasses import dataclass
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.repo.git import git, git_error, run_git

# The name of a ref has none of the characters that start a path from it: main~2, HEAD^1, main@{1}.
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
    """A stage of the model registry: its commit, the version (None if no tag has it), and the newest version of all."""

    stage: str
    commit: str
    version: tuple[int, ...] | None
    newest: tuple[int, ...]

    @property
    def name(self) -> str:
        """The stage with its version, such as production (v1.2.0)."""
        return f"{self.stage} ({version_name(self.version)})" if self.version else self.stage


def version_name(version: tuple[int, ...]) -> str:
    """Return a version as its tag has it, such as v1.2.0."""
    return f"v{'.'.join(map(str, version))}"


def on_stage(root: Path, stage: str) -> OnStage | None:
    """Return what GTO's tags in this clone assign to a stage, such as production; None if no tag names the stage."""
    if not re.fullmatch(r"[\w-]+", stage):
        return None
    patterns = (f"refs/tags/*#{stage}#*", "refs/tags/*@v*")
    tags = dict(line.split() for line in git(root, "for-each-ref", f"--format={_WITH_COMMIT}", *patterns).splitlines())
    versions = {tuple(map(int, match.groups())): tags[ref] for ref in tags if (match := _VERSION.fullmatch(ref))}
    for ref in _stage_tag(stage, set(tags)):
        own_versions = [version for version, commit in versions.items() if commit == tags[ref]]
        return OnStage(stage, tags[ref], max(own_versions, default=None), max(versions, default=()))
    return None


def find_commit(root: Path, name: str, option: str = BASE) -> str:
    """Return the commit that `name` means: a local branch, one of a remote, a full ref, a commit, or a path from these.

    If there is none, the commit on a stage of that name: `production`, `staging`.

    `option` is the option that gave the name, for the remedy.

    Raises:
        VerdictError: there is none, with the existing names; or git refuses, with its own reason.
    """
    refs = set(git(root, "for-each-ref", "--format=%(refname)").splitlines())
    match = _PARTS.fullmatch(name)
    ref, path = (match[1], match[2]) if match else (name, "")
    start = _full_ref(root, ref, refs)
    if _OF_THE_BRANCH.match(path) and start.startswith("refs/heads/"):
        start = ref.removeprefix("refs/").removeprefix("heads/")
    if not start:
        raise _unknown(root, name, ref, refs, option)
    process = run_git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{start}{path}^{{commit}}")
    if process.returncode:
        raise git_error("rev-parse", process) if process.stderr else _unknown(root, name, ref, refs, option)
    return process.stdout.decode().strip()


def default_branch(root: Path) -> str:
    """Return the default base of a comparison: `git config verdict.base`, else origin's own default branch."""
    setting = run_git(root, "config", "--get", "verdict.base").stdout.decode().strip()
    head = run_git(root, "symbolic-ref", "--quiet", f"{_REMOTE}origin/HEAD").stdout.decode().strip()
    return setting or head.removeprefix(f"{_REMOTE}origin/") or "main"


def _full_ref(root: Path, ref: str, refs: set[str]) -> str:
    """Return the full ref or the commit that `ref` means; empty if there is none."""
    if _SPECIAL.fullmatch(ref):
        return ref
    if len(ref) in _WHOLE and (commit := _by_hash(root, ref)):
        return commit
    return next((full for full in _candidates(root, ref, refs) if full in refs), "") or _by_hash(root, ref)


def _stage_tag(stage: str, refs: set[str]) -> list[str]:
    """Return GTO's tag for a stage, such as production: the one with the highest number."""
    tags = [(int(match[2]), match[0]) for ref in refs if (match := _STAGED.fullmatch(ref)) and match[1] == stage]
    return [max(tags)[1]] if tags else []


def _candidates(root: Path, name: str, refs: set[str]) -> list[str]:
    """Return the refs that `name` may mean, the likeliest first."""
    local, tracked = f"refs/heads/{name}", f"{_REMOTE}{name}"
    of_remote = any(name.startswith(f"{remote}/") for remote in git(root, "remote").splitlines())
    others = sorted(ref for ref in refs if ref.startswith(_REMOTE) and ref.split("/", 3)[-1] == name)
    return [
        *([name] if name.startswith("refs/") else []),
        *([tracked, local] if of_remote else [local, tracked]),
        *([f"refs/{name}"] if name.startswith(("heads/", "remotes/", "tags/")) else []),
        f"{_REMOTE}origin/{name}",
        *(others if len(others) == 1 else []),
        *_stage_tag(name, refs),
        f"{tracked}/HEAD",
    ]


def _by_hash(root: Path, prefix: str) -> str:
    """Return the only commit whose hash starts with `prefix`; empty if there is none, or several."""
    if not _HASH.fullmatch(prefix):
        return ""
    objects = git(root, "rev-parse", f"--disambiguate={prefix}")
    kinds = [line.split() for line in git(root, "cat-file", "--batch-check", stdin=objects).splitlines()]
    commits = [line[0] for line in kinds if line[1] in ("commit", "tag")]
    return commits[0] if len(commits) == 1 else ""


def _unknown(root: Path, name: str, ref: str, refs: set[str], option: str) -> VerdictError:
    what, remedies = "no such revision here", []
    shallow = git(root, "rev-parse", "--is-shallow-repository").strip() == "true"
    remotes = git(root, "remote").splitlines()
    if f"refs/tags/{ref}" in refs:
        what = "no such branch or commit here, only a tag"
        remedies.append(f"refs/tags/{ref} is the tag")
    if shallow:
        what += "; this clone is shallow and lacks older commits"
        remedies.append("git fetch --unshallow")
    branch = ref.removeprefix("origin/")
    if "origin" in remotes and _PLAIN.fullmatch(branch) and not _SPECIAL.fullmatch(branch):
        depth = "--depth 1 " if shallow else ""
        remedies.append(f"git fetch {depth}origin +refs/heads/{branch}:{_REMOTE}origin/{branch}")
    branches = sorted(full for full in refs if full.startswith(("refs/heads/", _REMOTE)) and not full.endswith("/HEAD"))
    branch_names = [full.split("/", 2)[2] for full in branches]
    if branch_names:
        more = f" and {len(branch_names) - _MOST} more" if len(branch_names) > _MOST else ""
        listed = f"{', '.join(branch_names[:_MOST])}{more}"
        remedies.append(f"{option} with one that is here ({listed})")
        remedies[-1] += ", for good: git config verdict.base NAME" if option == BASE else ""
    if option == BASE:
        remedies.append("on a repository's first run: --bootstrap")
    return VerdictError(name, what, "; or ".join(remedies))
