"""What a run of one experiment came to: the score of its commit, or the reason in its log."""

import json
import math
import re
from pathlib import Path

from classifier.errors import VerdictError
from review.revisions import git

_SCORES = "metrics/validation.json"
_OURS = re.compile(r"^error: (.+)$", re.MULTILINE)
_EXCEPTION = re.compile(r"^((?:\w+\.)*\w*(?:Error|Exception|Interrupt)\b.*)$", re.MULTILINE)
_DVC = re.compile(r"^ERROR: (.+)$", re.MULTILINE)
_STAGE = re.compile(r"failed to reproduce '([^']+)'")


def score(root: Path, commit: str) -> float | None:
    """Weighted F1 on validation, if the experiment has it; the score on test is nobody's guide through a sweep."""
    try:
        value = json.loads(git(root, "show", f"{commit}:{_SCORES}"))["overall"]["weighted_f1"]
    except (VerdictError, ValueError, KeyError, TypeError):
        return None
    return value if isinstance(value, float) and math.isfinite(value) else None


def reason(log: Path) -> str:
    """The line that says why an experiment failed, after the name of the stage."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    stage = _STAGE.findall(text)
    for pattern in (_OURS, _EXCEPTION, _DVC):
        if found := pattern.findall(text):
            said = " ".join(found[-1].split())
            return f"{stage[-1]}: {said}" if stage and pattern is not _DVC else said
    return "no reason given"


def was_killed(log: Path) -> bool:
    """Whether the stage was ended by a signal: by a person, or for want of memory. That may go better next time."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    numbers = [int(number) for number in re.findall(r"exited with (-?\d+)", text)]
    return any(number < 0 or 128 < number < 160 for number in numbers)
