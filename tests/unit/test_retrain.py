"""Reasons against a retraining, and hostile text of an alert."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import ValidationError

from verdict.ci import monitor
from verdict.ci.github.client import GitHub
from verdict.ci.retrain import plan as planning
from verdict.ci.retrain import publish
from verdict.ci.retrain.collect import TEMPLATE
from verdict.ci.retrain.plan import alert_of, plan, refusal
from verdict.repo.revisions import Revision
from verdict.review.params import Retrain
from verdict.review.report.markup import Template, fit

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOSTILE = "<img src=x onerror=a> [x](https://e.org) @team #1 ${{ secrets.KEY }} `$(id)`\n# Head\n\n| a | b |"
ALERT = {"alert": "DriftUnknown", "kind": "unknown", "value": "0.07", "told": HOSTILE, "key": "f00-1"}


def main_of(**params: Any) -> Revision:  # noqa: ANN401
    """A main with some groups of params."""
    found = Revision(Path(), "main", "0" * 40)
    found.__dict__["params"] = {"report": {"price_per_hour": 0.0, "currency": "USD"}, **params}
    return found


class StubGitHub:
    """GitHub as far as a plan asks it, and what was written to it."""

    repository = "owner/verdict"

    def __init__(self, *pulls: dict[str, Any]) -> None:
        self.pulls = sorted(pulls, key=lambda one: str(one["created_at"]), reverse=True)
        self.issues: list[dict[str, Any]] = []
        self.written: list[tuple[str, dict[str, Any]]] = []

    def get(self, _: str) -> dict[str, str]:
        """The repository."""
        return {"default_branch": "main"}

    def pages(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        """Pull requests or issues in a state."""
        found = self.pulls if path == "/pulls" else self.issues
        return (one for one in found if query["state"] in ("all", one["state"]))

    def post(self, path: str, body: dict[str, Any]) -> None:
        """Note what is written; an issue is there from then on."""
        self.written.append((path, body))
        if path == "/issues":
            self.issues.append({"number": 7, "state": "open", **body})

    patch = post


def pull(days: float, state: str = "closed", branch: str = "retrain/x", repo: str | None = "owner/verdict") -> Any:  # noqa: ANN401
    """A pull request that was opened some days ago."""
    head = {"ref": branch, "repo": repo and {"full_name": repo}}
    return {"number": 3, "state": state, "head": head, "created_at": (NOW - timedelta(days=days)).isoformat()}


def why_not(*pulls: dict[str, Any], **rules: Any) -> str:  # noqa: ANN401
    """The reason against one more retraining."""
    return refusal(cast(GitHub, StubGitHub(*pulls)), Retrain(**rules), NOW)


@pytest.mark.parametrize(
    ("pulls", "rules", "words"),
    [
        ([pull(90, "open")], {}, "pull request 3 is open"),
        ([pull(3)], {}, "the last one was proposed on 23 November 2026 (retrain.cooldown_days: 7)"),
        ([pull(8), pull(10), pull(12), pull(29)], {}, "4 were proposed in 30 days (retrain.per_month: 4)"),
        ([pull(40)], {"cooldown_days": 45}, "retrain.cooldown_days: 45"),
        ([], {"per_month": 0}, "0 were proposed"),
    ],
)
def test_what_speaks_against_a_retraining(pulls: list[Any], rules: dict[str, Any], words: str) -> None:
    """An open one, one of some days ago, or too many in a month; each reason names its key."""
    assert words in why_not(*pulls, **rules)


def test_what_does_not_speak_against_one() -> None:
    """Pull requests of others, of forks with the same branch name, and those older than the rules' periods."""
    others = [pull(1, "open", "feature/retrain"), pull(1, "open", repo="stranger/verdict"), pull(1, "open", repo=None)]
    assert why_not(*others, pull(8), pull(31), pull(32), pull(33), pull(34)) == ""


def test_ten_alerts_are_one_pull_request() -> None:
    """The first one goes on; as soon as its pull request is there, nine others find it, and are no issue either."""
    github, main = StubGitHub(), main_of(retrain={"min_labels": 5})
    event = {"client_payload": ALERT}
    assert plan(main, cast(GitHub, github), event, NOW).reason == ""
    github.pulls.append(pull(0, "open"))
    found = [plan(main, cast(GitHub, github), event, NOW) for _ in range(9)]
    assert {(one.reason.partition(":")[0], one.needs_issue) for one in found} == {("pull request 3 is open", False)}


def test_over_the_budget_nothing_is_proposed_and_an_issue_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The month's budget is asked before a machine is started."""
    monkeypatch.setattr(planning, "check_budget", lambda *_: 1)
    found = plan(main_of(), cast(GitHub, StubGitHub()), {}, NOW)
    assert (found.needs_issue, "report.budget_per_month" in found.reason) == (True, True)


def test_an_alert_is_what_the_relay_says_and_no_more() -> None:
    """Known keys alone, each a short line without control characters; anything else is no alert."""
    payload = {**ALERT, "told": "a\nb\x00\u202e" + "x" * 5000, "other": "y", "kind": {"a": 1}}
    found = alert_of({"client_payload": payload})
    assert set(found) == {"alert", "value", "told", "key"}
    assert (found["told"][:5], len(found["told"]) <= 200) == ("a b\ufffd\ufffd", True)
    assert alert_of({"client_payload": "text"}) == alert_of({"schedule": "x"}) == {}


@pytest.mark.parametrize("macro", ["waiting", "proposal", "drift"])
def test_hostile_text_is_shown_as_text(macro: str) -> None:
    """Markdown, HTML, expressions, mentions and line breaks are escaped in code style."""
    alert, url = alert_of({"client_payload": ALERT}), "https://github.com/owner/verdict/actions/runs/1"
    rows = [((HOSTILE, HOSTILE, HOSTILE), 2)]
    given: dict[str, Any] = {
        "waiting": ({"lacking": 3, "why": "", "alert": alert}, url),
        "proposal": (
            {
                **{"path": "data/raw/x.csv", "count": 2, "alert": alert, "run": url, "rows": rows, "left_out": []},
                "overrides": HOSTILE.split(),
            },
        ),
        "drift": (HOSTILE.splitlines(), url),
    }
    file = TEMPLATE if macro != "drift" else Path(monitor.__file__).parent / "templates" / "comments.md.j2"
    text = fit(Template(file).all(macro, *given[macro]))
    outside = re.sub(r"<code>.*?</code>|<pre>.*?</pre>", "", text, flags=re.DOTALL)
    assert "&lt;img src=x onerror=a&gt;" in text
    assert not [sign for sign in ("<img", "[x]", "@team", "#1", "${{", "$(id)", "Head", "onerror") if sign in outside]
    assert all("\n" not in shown for shown in re.findall(r"<code>(.*?)</code>", text, re.DOTALL))


def test_labels_are_asked_for_in_one_issue() -> None:
    """A second alert gives the issue another text; once rows came it is closed, and without one nothing is written."""
    github = StubGitHub()
    for lacking in (188, 20):
        publish.report_waiting(cast(GitHub, github), {"lacking": lacking, "why": "", "alert": ALERT}, "https://e.org/1")
    assert [path for path, _ in github.written] == ["/issues", "/issues/7"]
    assert "188 more labels are wanted" in github.written[0][1]["body"]
    assert "20 more labels are wanted" in github.written[1][1]["body"]
    publish.report_waiting(cast(GitHub, github), None, "https://e.org/2")
    assert github.written[-1][1] == {"state": "closed", "state_reason": "completed"}
    quiet = StubGitHub()
    publish.report_waiting(cast(GitHub, quiet), None, "https://e.org/3")
    assert quiet.written == []


def test_drift_is_told_in_one_issue(tmp_path: Path) -> None:
    """Drift opens it, too little traffic leaves it alone, none closes it."""
    told, github = tmp_path / "drift.txt", StubGitHub()
    told.write_text("unknown words 0.07, limit 0.02\n", encoding="utf-8")
    for code, written in ((2, 0), (1, 1), (2, 1), (0, 3)):
        monitor.report_drift(cast(GitHub, github), told, code, "https://e.org/1")
        assert len(github.written) == written
    assert "unknown words 0.07, limit 0.02" in github.written[0][1]["body"]


@pytest.mark.parametrize("rules", [{"min_labels": 0}, {"cooldown_days": -1}, {"merge": True}, {"columns": {"a": 1}}])
def test_rules_that_cannot_be_are_refused(rules: dict[str, Any]) -> None:
    """As in every group of params.yaml an unknown key, a negative number or another type is an error."""
    with pytest.raises(ValidationError):
        Retrain.model_validate(rules)
