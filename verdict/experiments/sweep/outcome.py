"""The outcome of one experiment's run: the score of its commit, or the reason of the failure in its log."""

import json
import math
import re
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.paths import VALIDATION_METRICS
from verdict.classifier.params import Evaluate
from verdict.classifier.params.metric_names import OVERALL
from verdict.repo.revisions import Revision

_OURS = re.compile(r"^error: (.+)$", re.MULTILINE)
_EXCEPTION = re.compile(r"^((?:\w+\.)*\w*(?:Error|Exception|Interrupt)\b.*)$", re.MULTILINE)
_DVC = re.compile(r"^ERROR: (.+)$", re.MULTILINE)
_STAGE = re.compile(r"failed to reproduce '([^']+)'")


def score(root: Path, commit: str) -> float | None:
    """The headline metric on validation, if the commit has it. Scores on test must not guide a sweep."""
    revision = Revision(root, commit, commit)
    try:
        value = json.loads(revision.text(VALIDATION_METRICS) or "null")[OVERALL][_headline(revision)]
    except (ValueError, KeyError, TypeError, VerdictError):
        return None
    return value if isinstance(value, float) and math.isfinite(value) else None


def score_text(root: Path, commit: str) -> str:
    """The metric and its value; empty if the commit has no score."""
    from verdict.review.words import title  # numpy is slow to import, and needed only here

    value = score(root, commit)
    return "" if value is None else f"{title(_headline(Revision(root, commit, commit)))} on validation {value:.4f}"


def _headline(revision: Revision) -> str:
    return Evaluate.model_validate(revision.params.get("evaluate")).headline


def reason_of_failure(log: Path) -> str:
    """The line of the log that says why an experiment failed, after the name of the stage."""
    text = _text(log)
    stages = _STAGE.findall(text)
    for pattern in (_OURS, _EXCEPTION, _DVC):
        if lines := pattern.findall(text):
            line = " ".join(lines[-1].split())
            return f"{stages[-1]}: {line}" if stages and pattern is not _DVC else line
    return "killed"


def was_interrupted(log: Path) -> bool:
    """Return whether a signal ended the run: of DVC, whose log then has no error, or of the stage.

    A person sent it, or the system for lack of memory: the next run may succeed.
    """
    text = _text(log)
    codes = [int(code) for code in re.findall(r"exited with (-?\d+)", text)]
    return not _DVC.search(text) or any(code < 0 or 128 < code < 160 for code in codes)


def _text(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
