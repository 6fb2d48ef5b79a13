"""What a run of one experiment came to: the score of its commit, or the reason in its log."""

import json
import math
import re
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.classifier.params import Evaluate
from verdict.classifier.params.metric_names import OVERALL
from verdict.repo.revisions import Revision
from verdict.review.metrics_file import SCORES

_OURS = re.compile(r"^error: (.+)$", re.MULTILINE)
_EXCEPTION = re.compile(r"^((?:\w+\.)*\w*(?:Error|Exception|Interrupt)\b.*)$", re.MULTILINE)
_DVC = re.compile(r"^ERROR: (.+)$", re.MULTILINE)
_STAGE = re.compile(r"failed to reproduce '([^']+)'")


def score(root: Path, commit: str) -> float | None:
    """The headline metric on validation, if the commit has it; the score on test is nobody's guide through a sweep."""
    revision = Revision(root, commit, commit)
    try:
        value = json.loads(revision.text(SCORES) or "null")[OVERALL][_headline(revision)]
    except (ValueError, KeyError, TypeError, VerdictError):
        return None
    return value if isinstance(value, float) and math.isfinite(value) else None


def score_text(root: Path, commit: str) -> str:
    """The metric and its value; empty where the commit has no score."""
    from verdict.review.words import title  # with numpy, which whoever asks for no score need not wait for

    value = score(root, commit)
    return "" if value is None else f"{title(_headline(Revision(root, commit, commit)))} on validation {value:.4f}"


def _headline(revision: Revision) -> str:
    return Evaluate.model_validate(revision.params.get("evaluate")).headline


def reason(log: Path) -> str:
    """The line that says why an experiment failed, after the name of the stage."""
    text = _text(log)
    stage = _STAGE.findall(text)
    for pattern in (_OURS, _EXCEPTION, _DVC):
        if found := pattern.findall(text):
            said = " ".join(found[-1].split())
            return f"{stage[-1]}: {said}" if stage and pattern is not _DVC else said
    return "killed"


def was_interrupted(log: Path) -> bool:
    """Whether the run was ended from outside: DVC, which then says nothing, or the stage, by a signal.

    A person did that, or the system for want of memory; it may go better next time.
    """
    text = _text(log)
    codes = [int(code) for code in re.findall(r"exited with (-?\d+)", text)]
    return not _DVC.search(text) or any(code < 0 or 128 < code < 160 for code in codes)


def _text(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
