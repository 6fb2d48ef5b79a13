"""Compares two dvc.lock files stage by stage: the one that an author committed, and the one that a run wrote."""

from typing import Any

from verdict.base.flatten import flatten
from verdict.repo.lock.entries import Entry
from verdict.repo.lock.lockfile import LOCK

Stages = dict[str, Entry]
_SHOWN_DIGITS = 4


def differences(committed: Stages, reproduced: Stages) -> list[str]:
    """Return a line for each difference: stage, path and both hashes. The order of stages and keys does not matter."""
    lines = [f"{name}: has no entry in the committed {LOCK}" for name in reproduced if name not in committed]
    lines += [f"{name}: an entry for a stage that did not come out" for name in committed if name not in reproduced]
    for name in (name for name in reproduced if name in committed):
        lines += [f"{name}: {line}" for line in _entry_differences(committed[name], reproduced[name])]
    return lines


def _entry_differences(committed: Entry, reproduced: Entry) -> list[str]:
    lines = [f"another {part}" for part in ("cmd", "params") if committed.get(part) != reproduced.get(part)]
    for part in ("deps", "outs"):
        old, new = _hashes(committed, part), _hashes(reproduced, part)
        lines += [
            f"{path}: committed {old.get(path, 'absent')[:8]}, reproduced {new.get(path, 'absent')[:8]}"
            for path in dict.fromkeys([*new, *old])
            if old.get(path) != new.get(path)
        ]
    return lines


def _hashes(entry: Entry, part: str) -> dict[str, str]:
    return {str(item.get("path")): str(item.get("md5", "")) for item in entry.get(part) or []}


def changed_metrics(committed: Any, reproduced: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Return the metrics of two files that differ in the digits that we print."""
    old, new = (flatten(metrics) if metrics else {} for metrics in (committed, reproduced))
    return [
        f"{key}: committed {_as_text(old.get(key))}, reproduced {_as_text(new.get(key))}"
        for key in dict.fromkeys([*new, *old])
        if _as_text(old.get(key)) != _as_text(new.get(key))
    ]


def _as_text(value: object) -> str:
    if value is None:
        return "absent"
    return f"{value:.{_SHOWN_DIGITS}f}" if isinstance(value, int | float) else str(value)[:40]
