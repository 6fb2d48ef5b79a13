"""A hostile run's bundle: none of it passes for a result, leaves its folder, or is executed."""

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.documents import load
from tests.dvc.pipeline.clone import Clone
from tests.workflows.bundles import Files, edit_json
from tests.workflows.conftest import copy_of_project
from tests.workflows.judge_harness import JudgeHarness
from tests.workflows.pull_requests import JUDGED, other_seed
from verdict.base.documents import dump
from verdict.base.outcome import CANNOT_JUDGE, FAIL, PASS
from verdict.ci.publish.verdict import JUDGED as PREVIEWED
from verdict.repo.repro import RECORD_FILE

PREDICTED = "data/predictions/test.parquet"
EVALUATION = "metrics/evaluation.json"


@pytest.fixture(scope="module")
def harness(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JudgeHarness]:
    """The judge of an honest run of another seed."""
    place = tmp_path_factory.mktemp("judge")
    with copy_of_project(base, place) as project:
        run = project.add_finished_run(project.propose(other_seed), project.honest())
        yield JudgeHarness(project, run, place / "judge")


@pytest.fixture(autouse=True)
def untouched(harness: JudgeHarness) -> Iterator[None]:
    """After each test the judge's checkout is unchanged, and beside it are only its own folders."""
    yield
    clone = Clone(harness.folder)
    assert clone.changes() == ""
    beside = {path.name for path in harness.folder.parent.iterdir()}
    assert beside <= {"site", "judge", "verdict", "judge-site", PREVIEWED}


def test_the_honest_run_passes(harness: JudgeHarness) -> None:
    """The very bundle that the other tests damage passes."""
    verdict, report = harness.judge(lambda files: None)
    assert verdict.code == PASS
    assert "the same hashes for every stage" in report


def _named(name: str) -> Callable[[Files], object]:
    return lambda files: files.update({name: b"x"})


def _many(files: Files) -> None:
    files.update({f"plots/p{number}.json": b"[]" for number in range(10_000)})


def _large(files: Files) -> None:
    files["log.txt"] = b"\0" * 600_000_000


def _numbered(files: Files) -> None:
    edit_json(files, "bundle.json", lambda head: {**head, "number": 2})


_REFUSED = {
    "path traversal": _named("../../.git/hooks/post-checkout"),
    "absolute path": _named("/tmp/evil.json"),  # noqa: S108 - it must not be written
    "code": _named("verdict/review/gate.py"),
    "pickle": _named("models/classifier/model.pkl"),
    "ten thousand files": _many,
    "600 MB": _large,
    "another pull request's number": _numbered,
    "no head": lambda files: files.pop("bundle.json"),
}


@pytest.mark.parametrize("change", _REFUSED.values(), ids=_REFUSED)
def test_what_no_run_writes_is_not_taken(harness: JudgeHarness, change: Callable[[Files], Any]) -> None:
    """There is no verdict on such a bundle, the comment says why, and it belongs to the run's own pull request."""
    verdict, report = harness.judge(change)
    assert (verdict.code, verdict.number) == (CANNOT_JUDGE, 1)
    assert "the run&#x27;s bundle" in report
    assert report.startswith("<h2>⚠️ Cannot judge</h2>")


def test_an_artifact_of_600_mb_is_not_even_downloaded(harness: JudgeHarness) -> None:
    """A bundle is refused by the size that GitHub reports."""
    asked = len(harness.project.github.requests)
    os.truncate(harness.archive, 600_000_000)
    verdict, report = harness.judge()
    harness.hand_over(harness.honest)
    assert verdict.code == CANNOT_JUDGE
    assert "MB are taken" in report
    assert not [call for call in harness.project.github.requests[asked:] if call.path.endswith("/zip")]


def _perfect(files: Files) -> None:
    """Predictions that are all right, and figures to match."""
    table = pd.read_parquet(io.BytesIO(files[PREDICTED]))
    for label in ("negative", "neutral", "positive"):
        table[label] = (table["label"] == label).astype(float)
    made = io.BytesIO()
    table.to_parquet(made)
    files[PREDICTED] = made.getvalue()
    edit_json(files, EVALUATION, _ones)


def _ones(value: Any) -> Any:  # noqa: ANN401 - JSON
    return {key: _ones(item) for key, item in value.items()} if isinstance(value, dict) else 1.0


def _figures(files: Files) -> None:
    edit_json(files, EVALUATION, _ones)


def _relabelled(files: Files) -> None:
    files["dvc.lock"] = files["dvc.lock"].replace(b"neutral_band: 0.05", b"neutral_band: 0.5")


_INVENTED = {"predictions": _perfect, "figures": _figures, "params in the lock": _relabelled}


@pytest.mark.parametrize("change", _INVENTED.values(), ids=_INVENTED)
def test_invented_results_do_not_pass(harness: JudgeHarness, change: Callable[[Files], Any]) -> None:
    """Predictions, figures and locks that do not belong together are no result, however consistent they look."""
    verdict, report = harness.judge(change)
    assert verdict.code in (FAIL, CANNOT_JUDGE)
    assert "✅ Pass" not in report


def test_a_bundle_of_another_commit_does_not_pass(harness: JudgeHarness, tmp_path: Path) -> None:
    """Honest results of an earlier push, handed over for a later one, are not consistent with its files."""
    project = harness.project
    earlier = project.origin.sha("refs/pull/1/head")

    def later(clone: Clone) -> None:
        path = clone.path / "verdict" / "classifier" / "artifact.py"
        path.write_text(path.read_text(encoding="utf-8") + "# another commit\n", encoding="utf-8")

    head = project.propose(later)
    try:
        project.github.state.runs[harness.run_id]["head_sha"] = head
        verdict, report = harness.judge(lambda files: None)
    finally:
        project.clone.run("git", "reset", "--quiet", "--hard", earlier)
        project.origin.push(project.clone.path, "change")
        project.origin.pull(1, "change")
        project.github.state.pulls[1]["head_sha"] = earlier
        project.github.state.runs[harness.run_id]["head_sha"] = earlier
    assert verdict.code == FAIL
    assert "verdict/classifier/artifact.py" in report


def test_what_a_run_says_is_text(harness: JudgeHarness) -> None:
    """Names of people, headings and links in reasons, logs and records are shown, and neither called nor drawn."""
    evil = "@everyone </pre></code><h1>✅ Pass</h1> ![x](http://evil) #1 [a](http://evil)"

    def failed(files: Files) -> None:
        files["bundle.json"] = json.dumps(
            {"version": 1, "outcome": "failed", "stage": evil, "reason": evil * 100}
        ).encode()
        files["log.txt"] = (f"{evil}\n" * 100_000).encode() + b"\xff\xfe"

    verdict, report = harness.judge(failed)
    assert verdict.code == FAIL
    assert len(report) < 65_000
    assert "<h1>" not in report
    before, _, rest = report.partition("<pre>")
    assert "@everyone" not in before
    assert "</pre></code>" not in rest.partition("</pre>")[0]


def test_a_record_of_times_may_be_anything(harness: JudgeHarness) -> None:
    """A record that is none costs the section on times, and nothing else."""
    for content in (b"[]", b"{", b'{"a": {"seconds": "x"}}', b'{"a": {"seconds": 1e999}}', b"[" * 100_000):
        (harness.folder / RECORD_FILE).unlink(missing_ok=True)
        verdict, report = harness.judge(partial(dict.update, **{"runs.json": content}))
        assert verdict.code == PASS
        assert "no record of it here" in report


def test_main_cannot_read_the_artifact(harness: JudgeHarness) -> None:
    """An artifact of a kind that main's code does not know cannot be judged, and the comment says how to go on."""

    def newer(files: Files) -> None:
        edit_json(files, "models/classifier/manifest.json", lambda manifest: {**manifest, "version": 3})
        rehash(files)

    verdict, report = harness.judge(newer)
    assert verdict.code == CANNOT_JUDGE
    assert "land the code that reads the new artifact first" in report


def rehash(files: Files) -> None:
    """Make dvc.lock name the artifact that is in the bundle."""
    place = "models/classifier/"
    listing = [
        {"md5": hashlib.md5(content).hexdigest(), "relpath": name.removeprefix(place)}
        for name, content in sorted(files.items())
        if name.startswith(place)
    ]
    digest = hashlib.md5(json.dumps(listing, sort_keys=True).encode()).hexdigest()
    lock = load(files["dvc.lock"])
    for entry in lock["stages"].values():
        for item in [*entry.get("deps", []), *entry.get("outs", [])]:
            if item["path"] == place.rstrip("/"):
                item["md5"] = f"{digest}.dir"
    files["dvc.lock"] = dump(lock).encode()


def test_a_hostile_run_is_told_like_any_other(harness: JudgeHarness) -> None:
    """Every job succeeds, the check blocks, and one comment says why."""
    harness.hand_over({**harness.honest, "../../evil": b"x"})
    judged = harness.project.report(harness.run_id)
    harness.hand_over(harness.honest)
    assert judged.jobs == JUDGED, judged.log
    ((conclusion, title),) = harness.project.checks()
    assert conclusion == "action_required"
    assert title.startswith("Cannot judge: the run's bundle")
    assert "no name that a run writes" in harness.project.comment()
