"""Comments where there is no review to write."""

import re
from pathlib import Path

from tests.dvc.review.test_report_hostile import BRANCH, ELEMENTS, TEXTS, github
from verdict.base.errors import VerdictError
from verdict.base.outcome import CANNOT_JUDGE, FAIL
from verdict.ci.judge.short_reports import (
    cannot,
    failed,
    stale,
    unchanged,
)
from verdict.repo.lock.finding import Finding
from verdict.repo.revisions import Revision

MAIN, HEAD = Revision(Path(), "main", "0" * 40), "1" * 40
URL = "https://github.com/owner/verdict/actions/runs/1"


def test_the_end_of_a_log_is_shown_as_it_was_printed() -> None:
    """The last thirty lines, with their indents and without colours or empty lines; what they say is text."""
    lines = [f"line {number}" for number in range(40)] + ["\x1b[31m  File <b>", "", "    @everyone #1\t\u202e"]
    text = failed(FAIL, "train", "it broke", log="\n".join(lines), url=URL, sides=(MAIN, HEAD))
    shown = text.partition("<pre>")[2].partition("</pre>")[0].splitlines()
    assert shown == [*lines[12:40], "  File &lt;b&gt;", "    @everyone #1 \N{REPLACEMENT CHARACTER}"]
    assert f'<a href="{URL}">The whole log</a>' in text


def test_a_run_that_failed_says_whose_fault_it_is() -> None:
    """A failed stage fails the change; an unknown failure leaves it unjudged; without a log no log is quoted."""
    titles = {
        code: failed(code, "train", "", log="", url="x", sides=(MAIN, HEAD)).splitlines()[0]
        for code in (FAIL, CANNOT_JUDGE)
    }
    assert titles == {
        FAIL: "<h2>❌ Fail: the run did not finish</h2>",
        CANNOT_JUDGE: "<h2>⚠️ Cannot judge: the run did not finish</h2>",
    }
    assert "<pre>" not in failed(FAIL, "train", "", log="\n", url="x", sides=(MAIN, HEAD))


def test_no_comment_interprets_what_it_quotes() -> None:
    """Branches, files, reasons and findings of a stranger add no element, link, mention or picture to any comment."""
    hostile = Revision(Path(), BRANCH, "0" * 40)
    for text in TEXTS:
        findings = [Finding(text, text, text, text)]
        error = VerdictError(text, text, text)
        comments = [
            unchanged(hostile, text),
            stale(findings, hostile, text, True),
            cannot(error, text, hostile, HEAD),
            failed(FAIL, text, text, log="", url=text, sides=(hostile, HEAD)),
        ]
        for comment in comments:
            shown = github(comment)
            assert [found["href"] for found in shown.named("a")] in ([], ["#"])
            assert {name for name, _ in shown.elements} <= ELEMENTS | {"a"}
            assert (shown.astray, shown.open) == ([], [])
            assert not re.findall(r"@\w|#\d", "".join(shown.prose))


def test_a_stale_lock_names_every_finding_and_the_label() -> None:
    """All findings with their remedies are named, and the label, where the change may have it."""
    findings = [Finding("train", "params.yaml", "another value", "dvc repro train")]
    text = stale(findings, MAIN, HEAD, True)
    assert text.startswith("<h2>❌ Fail: dvc.lock is stale</h2>")
    assert "<li>train: params.yaml: another value; mend: dvc repro train</li>" in text
    assert "The label <code>reproduce</code>" in text
    assert "The label" not in stale(findings, MAIN, HEAD, False)
