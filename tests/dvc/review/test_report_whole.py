"""A whole report: its plots, its page, and what it says about the runs that led to it."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.documents import load
from tests.dvc.pipeline.clone import Clone
from tests.dvc.review import edits
from tests.dvc.review.edits import ReviewRunner, edit_json, retrain, set_params
from tests.dvc.review.rendered_page import RenderedPage
from tests.dvc.review.tampering import relock
from tests.dvc.review.test_report_hostile import github
from verdict.repo.hardware import hardware
from verdict.repo.repro import RECORD_FILE
from verdict.repo.revisions import working_tree
from verdict.review.params import Report
from verdict.review.report import context
from verdict.review.report.markup import render

clone, runner = edits.clone, edits.runner
FREE = Report(price_per_hour=0.0, currency="EUR")


def ran(clone: Clone, prices: Report = FREE) -> dict[str, tuple[str, str]]:
    """For each stage how it came about and how long it took, as the report has it."""
    text = render(context.runs(working_tree(clone.path), prices))
    rows = re.findall(r'<tr><td align="left"><code>(\w+)</code></td><td[^>]*>(.*?)</td><td[^>]*>(.*?)</td></tr>', text)
    return {name: (how, time) for name, how, time in rows}


def repro(clone: Clone) -> int:
    """`verdict repro`."""
    return clone.try_run("python", "-I", "-m", "verdict", "repro").returncode


def evaluated(place: Clone) -> Clone:
    """The clone with another number of listed mistakes, and the stage that needs it run by the review."""
    set_params(place, "evaluate", mistakes=5)
    assert repro(place) == 0
    return place


def back(clone: Clone) -> None:
    """Main's results again."""
    clone.run("git", "checkout", "--quiet", "--", ".")
    clone.run("dvc", "checkout", "--quiet")


def declared(clone: Clone) -> list[str]:
    """Every plot of dvc.yaml, by its path."""
    plots = (plot for stage in clone.dag()["stages"].values() for plot in stage.get("plots", []))
    return [path for plot in plots for path in ([plot] if isinstance(plot, str) else plot)]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone with a report of an unchanged model in `same`, and one of a worse model in `worse`."""
    main = edits.committed_main(tmp_path_factory.getbasetemp())
    place = main.copy(tmp_path_factory.mktemp("reports") / "verdict")
    place.run("python", "-I", "-m", "verdict", "report", "--out", "same")
    retrain(place, **edits.WORSE)
    relock(place)
    place.run("python", "-I", "-m", "verdict", "report", "--out", "worse")
    return place


@pytest.mark.parametrize("kind", ["same", "worse"])
def test_every_plot_of_the_dag_is_shown_with_alternative_text(reports: Clone, kind: str) -> None:
    """Each plot of dvc.yaml is an image of report.md, a PNG beside it, whose text says what it is and who is who."""
    folder = reports.path / kind
    pictures = github((folder / "report.md").read_text(encoding="utf-8")).named("img")
    assert len(declared(reports)) == 6
    assert sorted(path.name for path in folder.glob("*.png")) == sorted(found["src"] for found in pictures)
    for path in declared(reports):
        (found,) = (one for one in pictures if one["src"] == f"plots_{Path(path).stem}.png")
        assert (folder / found["src"]).read_bytes().startswith(b"\x89PNG")
        words = "same, drawn once" if kind == "same" else "main: .*; candidate: "
        assert re.search(words, found["alt"]), found["alt"]
    titles = re.findall(r'^ +title: "?([\w ]+)', (reports.path / "dvc.yaml").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(titles) == 5
    assert all(any(found["alt"].startswith(title) for found in pictures) for title in titles)


@pytest.mark.parametrize("kind", ["same", "worse"])
def test_the_page_needs_nothing_from_elsewhere(reports: Clone, kind: str) -> None:
    """report.html has all pictures inside it, and no reference to another file, host or script."""
    page = (reports.path / kind / "report.html").read_text(encoding="utf-8")
    shown = RenderedPage(page)
    assert len(shown.named("img")) == 6
    links = [(key, value) for _, found in shown.elements for key, value in found.items() if key in ("src", "href")]
    assert {value.partition(",")[0] for _, value in links} == {"data:image/png;base64"}
    names = {name for name, _ in shown.elements}
    assert not names & {"script", "link", "iframe", "object", "embed", "base", "form", "svg"}
    style = page.partition("<style>")[2].partition("</style>")[0]
    assert not re.search(r"url\(|@import|expression", style)
    assert "default-src 'none'" in page
    assert (shown.astray, shown.open) == ([], [])


def test_another_figure_in_the_metrics_does_not_stop_the_report(clone: Clone, runner: ReviewRunner) -> None:
    """A figure that a change adds to metrics/evaluation.json, beside all of main's, leaves a report to be written."""
    edit_json(clone, edits.EVALUATION, lambda content: content.update(speed={"seconds": 3.5}))
    relock(clone)
    outcome = runner.run(clone, "report")
    assert outcome.code == 0, outcome.text


def test_no_stale_report_is_left_by_a_crash(
    clone: Clone, runner: ReviewRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a report cannot be written, an earlier one is removed, so that it is not taken for this one."""
    folder = clone.path / "report"
    folder.mkdir()
    for name in ("report.md", "report.html", "plots_old.png"):
        (folder / name).write_text("Pass", encoding="utf-8")
    monkeypatch.setattr("verdict.review.report.document.SECTIONS", lambda *_: 1 / 0)
    assert runner.run(clone, "report").code == 2
    assert list(folder.glob("report.*")) == []
    assert list(folder.glob("*.png")) == []


def test_the_gate_writes_the_same_report(reports: Clone) -> None:
    """`verdict gate --report` prints rules, has the gate's code, and leaves the pictures and verdict of a report."""
    done = reports.try_run("verdict", "gate", "--report", "gated")
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("pass      policy")
    worse, gated = (
        {path.name: path.read_bytes() for path in (reports.path / name).iterdir()} for name in ("worse", "gated")
    )
    assert worse.keys() == gated.keys()
    assert {name for name in worse if worse[name] != gated[name]} <= {"report.md", "report.html"}
    assert worse["report.md"].partition(b"\n")[0] == gated["report.md"].partition(b"\n")[0]


def test_a_report_is_written_also_where_nothing_can_be_judged(clone: Clone, runner: ReviewRunner) -> None:
    """Without a judgement the report has reason and remedy, and exit code 0 says that it was written."""
    edit_json(clone, edits.EVALUATION, lambda content: content["overall"].pop("n"))
    relock(clone)
    outcome = runner.run(clone, "report")
    assert outcome.code == 0, outcome.text
    text = (clone.path / "report" / "report.md").read_text(encoding="utf-8")
    assert text.startswith("<h2>⚠️ Cannot judge</h2>")
    assert "has no n of overall" in text
    assert "Remedy: dvc repro -f evaluate" in text


@pytest.fixture(scope="module")
def rerun(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone in which the review has run the last stage; not to be changed."""
    main = edits.committed_main(tmp_path_factory.getbasetemp())
    return evaluated(main.copy(tmp_path_factory.mktemp("rerun") / "verdict"))


@pytest.mark.slow
def test_a_report_says_what_ran_how_long_and_on_what(clone: Clone, rerun: Clone, runner: ReviewRunner) -> None:
    """Stages that `verdict repro` ran are shown with seconds, machine and cost, others as not recorded."""
    assert set(ran(clone).values()) == {("no record of it here", "")}
    found = ran(rerun)
    how, time = found.pop("evaluate")
    assert how == "ran"
    assert re.fullmatch(r"\d+\.\d s", time)
    assert float(time.removesuffix(" s")) > 0
    found.pop("reference")  # it reads what evaluate wrote
    assert set(found.values()) == {("no record of it here", "")}
    assert list(found) == ["prepare", "validate", "featurize", "train"]
    machine = hardware()
    text = render(context.runs(working_tree(rerun.path), Report(price_per_hour=3600.0, currency="EUR")))
    assert f"{machine['cores']} cores, {machine['memory']}, {machine['hardware_class']}" in text
    cost = re.search(r"(\d+\.\d{4}) EUR at 3600 EUR an hour", text)
    assert cost
    assert abs(float(cost[1]) - float(time.removesuffix(" s"))) < 0.06
    assert runner.run(rerun, "report", "--out", str(clone.path / "report")).code == 0
    whole = (clone.path / "report" / "report.md").read_text(encoding="utf-8")
    assert f'<code>evaluate</code></td><td align="left">ran</td><td align="right">{time}</td>' in whole


@pytest.mark.slow
@pytest.mark.parametrize("known", [True, False])
def test_a_restored_result_is_said_to_come_from_the_run_cache(rerun: Clone, tmp_path: Path, known: bool) -> None:
    """A change made again is restored: the report says so, with the original run's seconds if known."""
    place, time = rerun.copy(tmp_path / "verdict"), ran(rerun)["evaluate"][1]
    back(place)
    assert ran(place)["evaluate"] == ("no record of it here", "")  # the record is of another result
    if not known:
        (place.path / RECORD_FILE).unlink()
    evaluated(place)
    assert ran(place)["evaluate"] == ("from the run-cache", time if known else "not recorded")


def test_a_run_that_failed_is_no_record_of_the_result_before_it(clone: Clone) -> None:
    """A stage that is refused leaves main's entry in dvc.lock, of which nothing is known, without a record."""
    set_params(clone, "evaluate", mistakes=0)
    assert repro(clone) == 1
    back(clone)
    assert ran(clone)["evaluate"] == ("no record of it here", "")


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"x": 3}'])
def test_a_damaged_record_is_no_record(clone: Clone, text: str) -> None:
    """A record that cannot be read says nothing, and stops nothing."""
    (clone.path / RECORD_FILE).parent.mkdir(parents=True, exist_ok=True)
    (clone.path / RECORD_FILE).write_text(text, encoding="utf-8")
    assert set(ran(clone).values()) == {("no record of it here", "")}
    assert list(ran(clone)) == list(load(clone.lock())["stages"])


def test_the_environment_names_every_library_that_is_asked_for() -> None:
    """The report has each installed library of requirements.in and requirements/*.in, also one added later."""
    text = render(context.environment())
    for file in (ROOT / "requirements.in", ROOT / "requirements/encoder.in"):
        for name in re.findall(r"(?m)^[a-z][\w-]*", file.read_text(encoding="utf-8")):
            assert f'>{name}</td><td align="left">{version(name)}<' in text
