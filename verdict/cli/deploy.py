"""Roll a release out on a serving host; show what serves there; remove old images.

`verdict deploy VERSION` gives the guard an order: smoke test, canary and promotion, or back. Exit code: 0 it
serves, 1 it was rolled back or refused, 2 too little evidence. `verdict deploy status`: 1 when anything differs.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from verdict.base.outcome import CANNOT_JUDGE, FAIL
from verdict.cli import guard
from verdict.cli.exits import exit_1_on_error
from verdict.cli.types import amount

if TYPE_CHECKING:
    from verdict.delivery.host.settings import Settings
    from verdict.delivery.host.state import Order, Release

HELP = "roll a release out on a serving host, or say what serves"
_CODES = {"promoted": 0, "held": 0, "undecided": CANNOT_JUDGE}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the version, the environment, and how it is rolled out."""
    parser.add_argument("version", metavar="VERSION|status|prune", help="such as v1.2.0; or `status`, or `prune`")
    parser.add_argument("--to", choices=["staging", "production"], help="refused on a host of another environment")
    parser.add_argument("--release", type=Path, metavar="FILE", help="the release as JSON, where no tags are at hand")
    parser.add_argument("--reference", type=Path, metavar="FILE", help="its own: does it suit what is asked?")
    parser.add_argument("--floor", type=amount, help="with --reference: the least score to expect")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--shadow", action="store_true", help="compare it, and give its answers to nobody")
    way.add_argument("--ab", type=_number, default=0, metavar="LABELS", help="half the users, until so many labels")
    way.add_argument("--force", type=_reason, metavar="REASON", help="no canary: smoke test, then all")
    parser.add_argument("--no-wait", action="store_true", help="ask, and do not wait for the end")
    parser.add_argument("--json", action="store_true", help="of status: for programs")
    parser.add_argument("--recorded", metavar="VERSION", help="of status: what the environment's tag says now")
    parser.add_argument("--keep", type=_number, default=10, help="of prune: the highest versions whose images stay")
    guard.arguments(parser)


@exit_1_on_error
def run(options: argparse.Namespace) -> int:
    """Order a roll and wait for its end; or show the status."""
    from verdict.delivery.host import orders
    from verdict.delivery.host.settings import load
    from verdict.delivery.host.state import Order

    settings = load(options.host)
    if options.version == "status":
        return _status(settings, options.json, options.recorded)
    if options.version == "prune":
        print("\n".join(f"removed {name}" for name in orders.prune(settings, options.keep)) or "nothing to remove")
        return 0
    limits = orders.limits(options.shadow, options.ab, bool(options.force))
    release = _release(options.version, options.release)
    if options.reference and not _suits(settings, options) and not options.force:
        return FAIL
    order = Order(f"{time.time_ns()}", release, limits, promote=not options.shadow, why=options.force or "")
    orders.submit(settings, options.to, order)
    if options.no_wait:
        orders.require_guard(settings, order)
        return 0
    return _CODES.get(follow(settings, order), 1)


def _suits(settings: "Settings", options: argparse.Namespace) -> bool:
    """Print and return whether a release suits the texts that users send now."""
    from verdict.monitoring.reference import read
    from verdict.monitoring.suitability import check_suitability

    urls = [f"http://127.0.0.1:{metrics}/metrics" for _, metrics in settings.slots.values()]
    summary, objections = check_suitability(urls, read(options.reference), options.floor)
    print(summary)
    for objection in objections:
        print(f"does not suit it: {objection}")
    if objections:
        print("remedy: a release that learnt of it (docs/retraining.md); or with a reason, --force REASON")
    return not objections


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 on")
    return int(text)


def _reason(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("a reason, which can be read afterwards")
    return text


def follow(settings: "Settings", order: "Order") -> str:
    """Print how an order goes until it has ended; return its outcome."""
    from verdict.delivery.host import orders

    try:
        return orders.follow(settings, order, lambda line: print(line, flush=True))
    except KeyboardInterrupt:
        orders.require_guard(settings, order)
        print("the guard goes on with it: `verdict deploy status`; `verdict rollback` takes it back", file=sys.stderr)
        raise


def _release(version: str, path: Path | None) -> "Release":
    from verdict.base.errors import VerdictError
    from verdict.delivery.host.orders import read_release

    if path is None:  # in a clone: its tags say what a release is
        from verdict.delivery.registry import find_version
        from verdict.delivery.roll import host_release
        from verdict.repo.project import project_root

        return host_release(find_version(project_root(), version).provenance)
    release = read_release(path)
    if release.version != version:
        remedy = f"verdict deploy {release.version}, or the file of {version}"
        raise VerdictError(str(path), f"is {release.version}", remedy)
    return release


def _status(settings: "Settings", as_json: bool, recorded: str | None) -> int:
    from verdict.delivery.host import orders
    from verdict.delivery.host.store import Store

    store = Store(settings.folder)
    if recorded is not None:
        store.recorded.write(recorded)
    status = orders.status(settings)
    code = 1 if status.wrong else 0
    if as_json:
        print(orders.STATUS_JSON.dump_json(status, indent=1, by_alias=True).decode())
        return code
    print(f"{settings.environment}: {orders.summary(status.state)}")
    for name, slot in status.slots.items():
        ready = "ready" if slot["ready"] else "not ready"
        print(f"  {name:8} {slot['version'] or '-':12} weight {slot['weight']:3}  {ready}")
    for line in status.wrong:
        print(f"  differs: {line}")
    if store.is_guarded() and (error := store.last_error()):
        print(f"  the guard cannot go on: {error}")
    if status.pending:
        print(f"  tag pending: {status.pending} is not yet what the tag of {settings.environment} says")
    return code
