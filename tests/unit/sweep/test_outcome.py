"""The reason of a failed run, from its log."""

from pathlib import Path

import pytest

from verdict.experiments.sweep import outcome

DVC = "ERROR: failed to reproduce 'train': failed to run: python -I -m stages.train, exited with {}\n"
OURS = "error: params.yaml: train.linear: the training diverged\n  remedy: a smaller alpha\n"
TRACEBACK = "Traceback (most recent call last):\n  File 'x'\ntorch.OutOfMemoryError: CUDA out of memory\n"


@pytest.mark.parametrize(
    ("log", "reason", "cut"),
    [
        (OURS + DVC.format(1), "train: params.yaml: train.linear: the training diverged", False),
        (TRACEBACK + DVC.format(1), "train: torch.OutOfMemoryError: CUDA out of memory", False),
        (DVC.format(255), DVC.format(255).removeprefix("ERROR: ").strip(), False),
        (DVC.format(-9), DVC.format(-9).removeprefix("ERROR: ").strip(), True),
        (DVC.format(137), DVC.format(137).removeprefix("ERROR: ").strip(), True),
        ("Running stage 'train':\n", "killed", True),
        ("", "killed", True),
    ],
)
def test_reasons(tmp_path: Path, log: str, reason: str, cut: bool) -> None:
    """The stage's own line comes first, then an exception, then DVC's; what was ended from outside is no failure."""
    path = tmp_path / "log"
    path.write_text(log, encoding="utf-8")
    assert (outcome.reason_of_failure(path), outcome.was_interrupted(path)) == (reason, cut)
    assert outcome.was_interrupted(tmp_path / "absent")
