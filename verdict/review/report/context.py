"""The report's sections on data, files, pins, runs, hardware, and how to reproduce the result."""

import platform
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from markupsafe import Markup

from verdict.base.paths import ARTIFACT, PREDICTIONS, TEST
from verdict.classifier.params.metric_names import OVERALL
from verdict.repo import repro
from verdict.repo.git import git
from verdict.repo.hardware import hardware
from verdict.repo.lock.lockfile import record_hash
from verdict.repo.revisions import Revision
from verdict.review.closure import ALWAYS, SOURCES, code_that_judges
from verdict.review.data import KINDS, DataChange
from verdict.review.gate import Review
from verdict.review.params import Report
from verdict.review.report.markup import Section, code, codes
from verdict.review.report.sections import SECTIONS
from verdict.review.words import LONGEST

PINS = "requirements.txt"


def data(change: DataChange | None, name: str) -> Section:
    """Write which rows came, went or changed, by split, by slice and class, and how the text differs.

    `change` is None where the rows are the base's; `name` is the title of the slices.
    """
    if change is None:
        return SECTIONS("same_data")
    columns = ("main", "candidate", *KINDS)
    by_split = [(part.split, part.kind, f"{part.count:,}", codes(part.ids)) for part in change.changes_by_split]
    sliced = {text.slice for text in change.texts} != {OVERALL}
    counts = [
        (
            *_slice_cell(sliced, row["slice"]),
            code(row["label"], LONGEST),
            *(f"{row[column]:,}" if row[column] else "" for column in columns),
        )
        for row in change.counts.reset_index().to_dict("records")
        if any(row[kind] for kind in KINDS)
    ]
    texts = [
        (
            *_slice_cell(sliced, text.slice),
            f"{text.base_words:.1f} → {text.candidate_words:.1f}",
            f"{text.distance:.3f}",
            "" if text.unseen is None else f"{text.unseen:.1%}",
        )
        for text in change.texts
    ]
    title = _slice_cell(sliced, name)
    count_titles = (*title, "class", *columns)
    text_titles = (*title, "words a text", "distance of the word frequencies", "unseen words in added rows")
    return SECTIONS("data", change.counts[list(KINDS)].sum(), by_split, count_titles, counts, text_titles, texts)


def _slice_cell(sliced: bool, name: str) -> tuple[Markup, ...]:
    """The cell of a slice; none where there are no slices."""
    return (code(name, LONGEST),) if sliced else ()


def files(review: Review, base: str) -> Section:
    """Write which files git sees changed since the commit `base`, which of them judge, and which pins changed."""
    root, commit = review.candidate.root, review.candidate.commit
    revisions = [base, commit] if commit else [base]
    listed = git(root, "diff", "--relative", "--numstat", "--no-renames", "-z", *revisions, "--").split("\0")
    lines = [line.split("\t", 2) for line in listed if line]
    entries = [(path, _signed("+", added), _signed("−", removed)) for added, removed, path in lines]
    if commit is None:
        untracked = git(root, "ls-files", "--others", "--exclude-standard", "-z").split("\0")
        entries += [(path, "new", "not in git yet") for path in untracked if path]
    judging = _judging([path for path, _, _ in entries], review, base)
    rows = [(code(path), added, removed) for path, added, removed in entries]
    return SECTIONS("files", rows, judging, [tuple(map(code, pin)) for pin in _pins(review)])


def _judging(paths: list[str], review: Review, base: str) -> list[str]:
    """The changed files that a verdict depends on, in main's code or in the change's."""
    root, judging = review.candidate.root, set[str]()
    if any(path.endswith(SOURCES) and not path.startswith(ALWAYS) for path in paths):
        judging.update(code_that_judges(Revision(root, "main", base)), code_that_judges(review.candidate))
    return [path for path in paths if path.startswith(ALWAYS) or path in judging]


def _signed(sign: str, count: str) -> str:
    return sign + count if count.isdecimal() else count


def _pins(review: Review) -> Iterator[tuple[str, str, str]]:
    old, new = (dict(_pinned(side.text(PINS) or "")) for side in (review.base, review.candidate) if side)
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield name, old.get(name, "absent"), new.get(name, "absent")


def _pinned(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, sign, rest = line.partition("#")[0].strip().partition("==")
        if sign:
            yield name, rest


def runs(candidate: Revision, prices: Report) -> Section:
    """Write which stages ran for this result or came from the cache, with time, hardware and cost."""
    record = repro.read_records(candidate.root)
    rows, seconds, machines = [], 0.0, set[str]()
    for name, entry in candidate.stages.items():
        run = record.get(record_hash(entry))
        if not run:
            rows.append((code(name), "no record of it here", ""))
        elif run["seconds"] is None:
            rows.append((code(name), run["how"], "not recorded"))
        else:
            rows.append((code(name), run["how"], f"{run['seconds']:.1f} s"))
            seconds += float(run["seconds"])
            machines.add(f"{run['processor']}, {run['cores']} cores, {run['memory']}, {run['hardware_class']}")
    cost = f"{seconds:.1f} s in all"
    if prices.price_per_hour and seconds:
        price = f"{prices.price_per_hour:g} {prices.currency} an hour (params.yaml, report)"
        cost += f", {seconds / 3600 * prices.price_per_hour:.4f} {prices.currency} at {price}"
    return SECTIONS("runs", rows, cost, "; ".join(sorted(machines)), bool(seconds))


def reproduce(review: Review) -> Section:
    """Write the exact commands, and the hashes that they must give."""
    commit = review.candidate.identity.removesuffix("+")
    commands = list(review.commands) or [f"git checkout {commit}", "make repro", "verdict lock --ran"]
    if review.base and not review.commands:
        approved = "".join(f" --approve {name}" for name in review.approvals)
        commands.append(f"verdict report --base {review.base.identity}{approved}")
    sides = [side for side in (review.base, review.candidate) if side]
    paths = (TEST, ARTIFACT, PREDICTIONS[0])
    hashes = [(code(path), *(code(side.outputs.get(path, "absent")[:12]) for side in sides)) for path in paths]
    return SECTIONS("reproduce", review, commands, hashes)


def environment() -> Section:
    """Write the system and libraries of the review itself."""
    machine = hardware()
    system = f"{platform.system()} {platform.machine()}, {machine['processor']}, {machine['cores']} cores"
    rows = [
        ("Python", platform.python_version()),
        ("system", system),
        ("hardware class", machine["hardware_class"]),
        *_libraries(),
        ("command", code(" ".join(["verdict", *sys.argv[1:]]))),
    ]
    return SECTIONS("environment", rows)


def _libraries() -> Iterator[tuple[str, str]]:
    """The versions of the installed libraries that this code requires."""
    root = Path(__file__).resolve().parents[3]
    for file in (root / "requirements.in", *sorted((root / "requirements").glob("*.in"))):
        for line in file.read_text(encoding="utf-8").splitlines():
            if name := re.match(r"[\w-]+", line):
                with suppress(PackageNotFoundError):
                    yield name[0], version(name[0])
