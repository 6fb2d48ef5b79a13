"""Tests of verdict/monitoring/suitability.py and `verdict deploy --reference`: a release that users need no more."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.unit.monitoring.services import FakeService, metrics_text, usual_window, window, with_foreign_words
from tests.unit.monitoring.tables import texts
from verdict.cli import main
from verdict.delivery.host.state import Release
from verdict.delivery.host.store import Store
from verdict.monitoring.reference import Reference
from verdict.monitoring.suitability import check_suitability

NOBODY = "http://127.0.0.1:1/metrics"


def check(reference: Reference, text: str, floor: float | None = None) -> tuple[str, list[str]]:
    """Check against a service with these metrics; a second service does not answer."""
    with FakeService(text).on() as served:
        return check_suitability([NOBODY, served.url], reference, floor)


def other_words(reference: Reference) -> Reference:
    """A release that was trained on other words: it lacks a third of the frequent ones, and has two of its own."""
    kept = reference.counted_by(reference.frequent[: -(len(reference.frequent) // 3)])
    words = tuple((1, 1, *row) for row in kept.words)
    return Reference.model_validate({**kept.model_dump(), "frequent": ("new", "newer", *kept.frequent), "words": words})


def test_usual_text_suits(reference: Reference) -> None:
    """Its mix and the score that is expected of it are told."""
    said, objections = check(reference, metrics_text(reference, usual_window(reference, 2000)), 0.5)
    assert objections == []
    assert "2,000 texts" in said
    assert "is expected" in said


@pytest.mark.parametrize(
    ("counted", "floor", "expected"),
    [(with_foreign_words, None, "of the words are unknown"), (usual_window, 0.99, "is expected of this mix")],
    ids=["words that it has not learnt", "a score below the floor"],
)
def test_what_does_not_suit_is_named(
    reference: Reference, counted: Callable[..., object], floor: float | None, expected: str
) -> None:
    """Unknown words beyond the mix, and an expected score below the floor."""
    _, objections = check(reference, metrics_text(reference, counted(reference, 2000)), floor)  # type: ignore[arg-type]
    assert [expected in one for one in objections] == [True]


def test_answers_of_what_serves_are_no_objection(reference: Reference) -> None:
    """Other labels or another confidence than this release has say nothing of it."""
    given = [*texts("news", 1000, 3), *texts("songs", 1000, 3)]
    assert check(reference, metrics_text(reference, window(reference, given, good=0.05)))[1] == []


def test_too_little_traffic_is_told_and_is_no_objection(reference: Reference) -> None:
    """Also where nobody answers at all."""
    said, objections = check(reference, metrics_text(reference, with_foreign_words(reference, 400)), 0.99)
    assert (said, objections) == ("too little traffic to ask whether it suits that: 400 texts, 500 are needed", [])
    assert check_suitability([NOBODY], reference, 0.99)[0].startswith("too little traffic")


def test_a_release_of_other_words_is_compared_by_those_that_both_count(reference: Reference) -> None:
    """The mix is found all the same; whether unknown words are unknown to it, too, cannot be told."""
    text = metrics_text(reference, window(reference, texts("songs", 2000, 3)))
    said, objections = check(other_words(reference), text, 0.5)
    assert objections == []
    assert "unknown words cannot be told" in said
    share = float(said.partition("songs ")[2].partition("%")[0])
    assert share > 90


@pytest.mark.parametrize(("force", "code"), [([], 1), (["--force", "a fix"], 0)], ids=["no", "with a reason"])
def test_the_command_stops_before_it_asks(
    reference: Reference, tmp_path: Path, capsys: pytest.CaptureFixture[str], force: list[str], code: int
) -> None:
    """An unsuitable release is not ordered without a reason; with one, the objections are printed all the same."""
    with FakeService(metrics_text(reference, with_foreign_words(reference, 2000))).on() as served:
        port = served.url.rpartition(":")[2].partition("/")[0]
        (tmp_path / "reference.json").write_text(reference.to_json(), encoding="utf-8")
        (tmp_path / "v1.json").write_text(json.dumps(asdict(Release("v1.0.0", "image", "c", "a"))), encoding="utf-8")
        places = f"[places]\na = [1, {port}]\ncanary = [2, 3]\n"
        keys = f'environment = "production"\nfolder = "{tmp_path}"\nengine = "processes"\nsocket = "{tmp_path}/s"\n'
        (tmp_path / "host.toml").write_text(keys + places, encoding="utf-8")
        files = ["--release", f"{tmp_path}/v1.json", "--reference", f"{tmp_path}/reference.json"]
        given = ["deploy", "v1.0.0", *files, "--host", f"{tmp_path}/host.toml", "--no-wait", *force]
        with Store(tmp_path).lock():  # as a guard does
            assert main(given) == code
    assert "does not suit it: " in capsys.readouterr().out
    assert (Store(tmp_path).order.read() is not None) == (code == 0)
