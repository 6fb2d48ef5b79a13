"""`verdict remote`: what it prints and exits with."""

from dataclasses import dataclass
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.printable import plain
from verdict.repo.remote.needs import Missing
from verdict.repo.remote.state import missing, repaired, state
from verdict.repo.remote.storage import Storage
from verdict.repo.remote.use import NAME, use


@dataclass(frozen=True, slots=True)
class Options:
    """The command's options, as its help describes them."""

    remote: str | None = None
    push: bool = False
    verify: bool = False
    use: str | None = None
    endpoint: str | None = None
    region: str | None = None


def run(root: Path, options: Options) -> int:
    """Check, push or move; 0 when the remote holds everything, else 1."""
    if options.use is not None:
        return _use(root, options.use, options)
    if options.endpoint or options.region:
        raise VerdictError("--endpoint, --region", "belong to --use", "dvc remote modify for a remote that is there")
    with Storage(root, options.remote) as storage:
        found = repaired(storage, options.verify) if options.push else state(storage, options.verify)
        where = storage.where()
    left = missing(found, options.remote)
    _print(left)
    if left:
        print(f"{where}: {len(left)} of the {len(found.needs)} files that this revision needs are missing or damaged")
        return 1
    checked = "holds all, with the right bytes:" if options.verify else "holds all"
    print(f"{where}: {checked} {len(found.needs)} files that this revision needs")
    return 0


def _use(root: Path, url: str, options: Options) -> int:
    left = use(root, url, options.endpoint, options.region)
    _print(left)
    if left:
        print("not everything could be pushed: .dvc/config is as it was")
        return 1
    print(f"{plain(url)} holds all that this revision needs and is the default remote, named {NAME}")
    print("now: git add .dvc/config && git commit -m 'Remote on S3'")
    return 0


def _print(left: list[Missing]) -> None:
    for each in left:
        what, _, remedy = str(each).partition("\n")
        print(plain(what))
        print(f"  {plain(remedy)}")
