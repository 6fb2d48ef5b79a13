"""May a retraining be proposed now? Asked before anything is read or started, by main's rules and what GitHub knows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from verdict.base.outcome import PASS
from verdict.base.printable import plain
from verdict.ci.cost.command import check_budget
from verdict.ci.github.client import GitHub
from verdict.repo.revisions import Revision
from verdict.review.params import Retrain
from verdict.review.policy import report_of, retrain_of

BRANCHES = "retrain/"
_DAYS = 30
_LONGEST = 200
# What the relay says of an alert; a payload's other keys are nobody's.
_KNOWN = ("alert", "reason", "release", "kind", "value", "limit", "since", "told", "key")


@dataclass(frozen=True)
class Decision:
    """Whether to go on; else why not, and whether an issue has to say so."""

    reason: str = ""
    needs_issue: bool = False
    alert: Mapping[str, str] = field(default_factory=dict)


def alert_of(event: Mapping[str, Any]) -> dict[str, str]:
    """What the alert says that an event is about: known keys, each a short line of plain text; empty without one."""
    given = event.get("client_payload")
    payload = given if isinstance(given, dict) else {}
    return {key: plain(payload[key], _LONGEST) for key in _KNOWN if isinstance(payload.get(key), str | int | float)}


def plan(main: Revision, github: GitHub, event: Mapping[str, Any], now: datetime) -> Decision:
    """Decide by main's rules and budget.

    Args:
        main: whose rules count.
        github: the API, with a token that may read pull requests and actions.
        event: what started the workflow.
        now: the present moment.

    Raises:
        VerdictError: GitHub cannot be asked, or main's rules cannot be read.
    """
    alert = alert_of(event)
    if reason := refusal(github, retrain_of(main), now):
        return Decision(reason, False, alert)
    if check_budget(main.root, report_of(main), 1) != PASS:
        return Decision("the budget of the month does not have one more run: report.budget_per_month", True, alert)
    return Decision(alert=alert)


def refusal(github: GitHub, rules: Retrain, now: datetime) -> str:
    """Why no pull request may be proposed now; empty where nothing speaks against one."""
    base = str(github.get("")["default_branch"])
    for pull in github.pages("/pulls", state="open", base=base):
        if _is_ours(pull, github.repository):
            return f"pull request {pull['number']} is open: it is the answer to this, too"
    times = list(_recent(github, base, now - timedelta(days=max(_DAYS, rules.cooldown_days))))
    if times and now - times[0] < timedelta(days=rules.cooldown_days):
        return f"the last one was proposed on {times[0]:%d %B %Y} (retrain.cooldown_days: {rules.cooldown_days:g})"
    month = sum(now - time < timedelta(days=_DAYS) for time in times)
    if month >= rules.per_month:
        return f"{month} were proposed in {_DAYS} days (retrain.per_month: {rules.per_month})"
    return ""


def _recent(github: GitHub, base: str, since: datetime) -> Iterator[datetime]:
    """When ours were proposed, the newest first."""
    for pull in github.pages("/pulls", state="all", base=base, sort="created", direction="desc"):
        time = datetime.fromisoformat(pull["created_at"])
        if time < since:
            return
        if _is_ours(pull, github.repository):
            yield time


def _is_ours(pull: Mapping[str, Any], repository: str) -> bool:
    """Whether it is of a branch of ours: a fork's may have any name."""
    head = pull["head"]
    return str(head["ref"]).startswith(BRANCHES) and (head["repo"] or {}).get("full_name") == repository
