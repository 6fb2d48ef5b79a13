"""Tests of `verdict live`: accuracy by release beside what was promised, and its exit codes."""

import json
import time
from pathlib import Path

import pytest

from tests.documents import save
from tests.unit.monitoring.posting import KEY, LABELS
from verdict.cli import main
from verdict.monitoring.feedback.live import promise
from verdict.monitoring.feedback.store import Post, Store
from verdict.web.receipts import Receipt, Receipts

SCORES = {"accuracy": 0.80, "weighted_f1": 0.78}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with metrics and a policy; it is the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/evaluation.json").write_text(json.dumps({"overall": SCORES}))
    save(tmp_path / "params.yaml", {"evaluate": {"headline": "weighted_f1"}, "gate": {"floors": {"overall": 0.75}}})
    return tmp_path


def store_labels(right: int, count: int, release: str = "v1.0.0") -> None:
    """Store so many labels, of which `right` confirm the answer."""
    read, issue = Receipts(KEY).read, Receipts(KEY).issuer(release, LABELS)
    receipts = [read(issue("positive", 0.5)) for _ in range(count)]
    posts = [
        Post(one, LABELS[-1 if number < right else 0])
        for number, one in enumerate(receipts)
        if isinstance(one, Receipt)
    ]
    Store("sqlite:///feedback.db").count(posts)


def test_the_floor_is_what_the_gate_would_have_let_through() -> None:
    """As far below the accuracy that was seen as the headline's floor is below that; its own, where it has one."""
    assert promise(SCORES, "weighted_f1", 0.75) == pytest.approx((0.80, 0.77))
    assert promise(SCORES, "weighted_f1", {"headline": 0.75}) == pytest.approx((0.80, 0.77))
    assert promise(SCORES, "weighted_f1", {"accuracy": 0.7, "headline": 0.75}) == (0.80, 0.7)
    assert promise(SCORES, "accuracy", 0.7) == pytest.approx((0.80, 0.70))
    assert promise(SCORES, "weighted_f1", None) == promise(SCORES, "weighted_f1", 0.9) == (0.80, 0.80)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("right", "of", "code", "told"),
    [
        (80, 99, 2, "too few labels"),
        (760, 1000, 0, "holds"),
        (600, 1000, 1, "below the floor"),
        (70, 100, 0, "holds"),  # 60 to 78 %: its upper end is above
    ],
)
def test_the_exit_code_says_whether_a_release_holds(
    capsys: pytest.CaptureFixture[str], right: int, of: int, code: int, told: str
) -> None:
    """0 it holds, 1 the upper end of Wilson's interval is below the floor, 2 too few; who answers is no sample."""
    store_labels(right, of)
    assert main(["live"]) == code
    out = capsys.readouterr().out
    assert told in out
    assert f"{right / of:.1%}" in out
    assert "not a sample" in out
    assert "would take 77.0%" in out


def test_a_release_without_labels_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """If no label came back for the named release, the others do not replace it."""
    store_labels(760, 1000)
    assert main(["live", "--release", "v9.0.0"]) == 2
    assert "no label came back for v9.0.0 in 30 days" in capsys.readouterr().err


def test_the_newest_release_is_judged_unless_another_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """v1.10.0 comes after v1.9.0; JSON has all of them, and what was promised; a reference may promise instead."""
    store_labels(500, 1000, "v1.9.0")
    store_labels(800, 1000, "v1.10.0")
    assert [main(["live"]), main(["live", "--release", "v1.9.0"]), main(["live", "--release", "v2.0.0"])] == [0, 1, 2]
    reference = folder / "reference.json"
    reference.write_text(json.dumps({"scores": {"overall": {"accuracy": 0.9}}}))
    capsys.readouterr()
    assert main(["live", "--json", "--reference", str(reference)]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["promise"] == {"accuracy": 0.9, "floor": 0.9}
    assert [(one["release"], one["right"], one["verdict"]) for one in told["releases"]] == [
        ("v1.9.0", 500, "below the floor"),
        ("v1.10.0", 800, "below the floor"),
    ]


@pytest.mark.usefixtures("folder")
def test_old_answers_hide_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers before the last days are left out, however good they were."""
    store_labels(2000, 2000)
    later = time.time() + 40 * 86_400
    monkeypatch.setattr(time, "time", lambda: later)
    assert main(["live"]) == 2
    store_labels(100, 200)
    assert [main(["live"]), main(["live", "--days", "60"])] == [1, 0]


def test_what_is_missing_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No database, or one without counts: 2, and no file is made; no scores: nothing is promised, so 2 as well."""
    assert main(["live"]) == 2
    assert "holds no counts" in capsys.readouterr().err
    assert not (folder / "feedback.db").exists()
    store_labels(800, 1000)
    (folder / "metrics/evaluation.json").write_text("{}")
    assert main(["live"]) == 2
    assert "holds no accuracy" in capsys.readouterr().err
    (folder / "metrics/evaluation.json").unlink()
    assert main(["live"]) == 2
    assert "nothing promised" in capsys.readouterr().out
