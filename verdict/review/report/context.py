"""The sections on what else changed and how it came about: data, files, pins, runs, hardware, how to reproduce."""

import platform
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from verdict.base.paths import ARTIFACT, PREDICTIONS, TEST
from verdict.base.printable import plain
from verdict.repo import repro
from verdict.repo.git import git
from verdict.repo.hardware import hardware
from verdict.repo.lock.check import record_hash
from verdict.repo.revisions import Revision
from verdict.review.closure import ALWAYS, code_that_judges
from verdict.review.data import KINDS, DataChange
from verdict.review.gate import Review
from verdict.review.params import Report
from verdict.review.report.markup import (
    Block,
    Section,
    code,
    of_table,
    own,
    paragraph,
)
from verdict.review.report.sections import named

PINS = "requirements.txt"


def data(change: DataChange | None) -> Section:
    """Rows that came, went or changed, by split, by domain and class, and how different the text is."""
    if change is None:
        same = "The prepared rows are main's, by their hashes in dvc.lock."
        return Section("Data", [paragraph(same)], 4, True, ": unchanged")
    rows = [
        (own(row["domain"]), own(row["label"]), *(_count(row[name]) for name in ("main", "candidate", *KINDS)))
        for row in change.counts.reset_index().to_dict("records")
        if any(row[kind] for kind in KINDS)
    ]
    texts = [
        (
            own(text.domain),
            f"{text.base_words:.1f} → {text.candidate_words:.1f}",
            f"{text.distance:.3f}",
            "" if text.unseen is None else f"{text.unseen:.1%}",
        )
        for text in change.texts
    ]
    total = change.counts[list(KINDS)].sum()
    note = ": " + ", ".join(f"{total[kind]:,} {kind}" for kind in KINDS if total[kind])
    head = ("domain", "class", "main", "candidate", *KINDS)
    text_head = ("domain", "words a sentence", "distance of the word frequencies", "unseen words in added rows")
    moved = [
        (own(move.split), own(move.kind), f"{move.count:,}", ", ".join(code(name, 60) for name in move.ids))
        for move in change.moves
    ]
    blocks = [
        of_table(("split", "what", "rows", "first ids"), moved, (2,)),
        of_table(head, rows, range(2, len(head))),
        of_table(text_head, texts, (1, 2, 3)),
        paragraph(
            "<sub>By split, then all splits together; classes without a change are left out. Regrouped is another"
            " document, domain or valence. The distance is Jensen and Shannon's: 0 is the same, 1 nothing shared.</sub>"
        ),
    ]
    return Section("Data changed", blocks, 4, False, note)


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


def files(review: Review, base: str) -> Section:
    """The files that git sees changed since the commit `base`, those that judge by name, and the pins."""
    root, own_commit = review.candidate.root, review.candidate.commit
    revisions = [base, own_commit] if own_commit else [base]
    listed = git(root, "diff", "--relative", "--numstat", "--no-renames", "-z", *revisions, "--").split("\0")
    entries = [tuple(line.split("\t", 2)) for line in listed if line]
    if own_commit is None:
        untracked = git(root, "ls-files", "--others", "--exclude-standard", "-z").split("\0")
        entries += [("new", "not in git yet", path) for path in untracked if path]
    rows = [(code(path), _signed("+", added), _signed("−", removed)) for added, removed, path in entries]
    blocks = [of_table(("file", "added", "removed"), rows, (1, 2))] if rows else [paragraph("None.")]
    judges = _judging([path for _, _, path in entries], review, base)
    if judges:
        names = ", ".join(code(path) for path in judges[:20])
        if len(judges) > 20:
            names += f" and {len(judges) - 20} more"
        warning = f"⚠️ <b>This change touches the code that judges</b>: {names}. Judge it with main's."
        blocks.insert(0, paragraph(warning))
    blocks.extend(_pins(review))
    return Section("Files changed", blocks, 7, not judges, f": {len(rows)}")


def _judging(paths: list[str], review: Review, base: str) -> list[str]:
    """Those of the changed files that decide what a verdict is, on main or with the change in: somebody should look."""
    root, judging = review.candidate.root, set[str]()
    if any(path.endswith(".py") and not path.startswith(ALWAYS) for path in paths):
        judging.update(code_that_judges(Revision(root, "main", base)), code_that_judges(review.candidate))
    return [path for path in paths if path.startswith(ALWAYS) or path in judging]


def _signed(sign: str, count: str) -> str:
    return sign + count if count.isdecimal() else own(count)


def _pins(review: Review) -> Iterator[Block]:
    old, new = (dict(_pinned(side.text(PINS) or "")) for side in (review.base, review.candidate) if side)
    rows = [
        (code(name), code(old.get(name, "absent")), code(new.get(name, "absent")))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]
    if rows:
        yield of_table((f"pin of {PINS}", "main", "candidate"), rows)


def _pinned(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, sign, rest = line.partition("#")[0].strip().partition("==")
        if sign:
            yield name, rest


def runs(candidate: Revision, prices: Report) -> Section:
    """What ran for this result, how long, on what; what came from the cache; and what it cost."""
    record = repro.read(candidate.root)
    rows, seconds, machines = [], 0.0, set[str]()
    for name, entry in candidate.stages.items():
        found = record.get(record_hash(entry))
        if not found:
            rows.append((code(name), "no record of it here", ""))
            continue
        if found["seconds"] is None:
            rows.append((code(name), own(found["how"]), "not recorded"))
            continue
        seconds += float(found["seconds"])
        machines.add(f"{found['processor']}, {found['cores']} cores, {found['memory']}, {found['hardware_class']}")
        rows.append((code(name), own(found["how"]), f"{found['seconds']:.1f} s"))
    cost = f"{seconds:.1f} s in all"
    if prices.price_per_hour and seconds:
        cost += f", {seconds / 3600 * prices.price_per_hour:.4f} {own(prices.currency)}"
        cost += f" at {prices.price_per_hour:g} {own(prices.currency)} an hour (params.yaml, report)"
    hardware = "; ".join(map(own, sorted(machines))) or "no record"
    unknown = sum(row[1].startswith("no record") for row in rows)
    hint = " <code>make repro</code> leaves a record; plain <code>dvc repro</code> leaves none." if unknown else ""
    blocks = [
        of_table(("stage", "how", "time"), rows, (2,)),
        paragraph(f"{cost}. Hardware: {hardware}.{hint}<br><sub>{repro.RECORD}, by the entries of dvc.lock</sub>"),
    ]
    return Section("What ran", blocks, 5, True, f": {cost}" if seconds else "")


def reproduce(review: Review) -> Section:
    """The exact commands, and the hashes that must come out."""
    commit = review.candidate.identity.removesuffix("+")
    lines = list(review.commands) or [f"git checkout {commit}", "make repro", "verdict lock --ran"]
    if review.base and not review.commands:
        approved = "".join(f" --approve {name}" for name in review.approvals)
        lines.append(f"verdict report --base {review.base.identity}{approved}")
    blocks = [Block("<pre>" + "\n".join(plain(line) for line in lines) + "</pre>")]
    if review.candidate.identity.endswith("+"):
        blocks.append(
            paragraph("⚠️ The working tree has changes that are not committed: the commit alone does not give this.")
        )
    sides = [side for side in (review.base, review.candidate) if side]
    paths = (TEST, ARTIFACT, PREDICTIONS[0])
    rows = [(code(path), *(code(side.outputs.get(path, "absent")[:12]) for side in sides)) for path in paths]
    blocks.append(of_table(("md5 by dvc.lock, its beginning", *(named(side) for side in sides)), rows))
    return Section("How to reproduce", blocks, 2, True)


def environment() -> Section:
    """What the review itself ran on."""
    machine = hardware()
    rows = [
        ("Python", own(platform.python_version())),
        (
            "system",
            own(f"{platform.system()} {platform.machine()}, {machine['processor']}, {machine['cores']} cores"),
        ),
        ("hardware class", own(machine["hardware_class"])),
        *_libraries(),
        ("command", code(" ".join(["verdict", *sys.argv[1:]]))),
    ]
    return Section("Environment of the review", [of_table(("", ""), rows)], 9, True)


def _libraries() -> Iterator[tuple[str, str]]:
    """The version of each library that this code asks for, as far as it is installed."""
    root = Path(__file__).resolve().parents[3]
    for file in (root / "requirements.in", *sorted((root / "requirements").glob("*.in"))):
        for line in file.read_text(encoding="utf-8").splitlines():
            if name := re.match(r"[\w-]+", line):
                with suppress(PackageNotFoundError):
                    yield name[0], own(version(name[0]))
