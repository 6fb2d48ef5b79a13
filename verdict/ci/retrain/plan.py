"""Decides whether a retraining may be proposed now, by main's rules and GitHub's data, before anything is started."""

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
_MOST_TEXT = 200  # characters
# The keys of the relay's payload; others are ignored.
_KEYS = ("alert", "reason", "release", "kind", "value", "limit", "since", "told", "key")


@dataclass(frozen=True)
class Decision:
    """The decision: an empty `reason` allows the retraining; `needs_issue` asks for an issue with the reason."""

    reason: str = ""
    needs_issue: bool = False
    alert: Mapping[str, str] = field(default_factory=dict)


def alert_of(event: Mapping[str, Any]) -> dict[str, str]:
    """Return the alert of an event, with known keys and short plain texts; empty if there is none."""
    payload = event.get("client_payload")
    if not isinstance(payload, dict):
        return {}
    return {key: plain(payload[key], _MOST_TEXT) for key in _KEYS if isinstance(payload.get(key), str | int | float)}


def plan(main: Revision, github: GitHub, event: Mapping[str, Any], now: datetime) -> Decision:
    """Decide by main's rules and budget.

    Args:
        main: the revision with the rules.
        github: the API, with a token that may read pull requests and actions.
        event: the event that started the workflow.
        now: the present moment.

    Raises:
        VerdictError: GitHub does not answer, or main's rules cannot be read.
    """
    alert = alert_of(event)
    if reason := refusal(github, retrain_of(main), now):
        return Decision(reason, False, alert)
    if check_budget(main.root, report_of(main), 1) != PASS:
        return Decision("the budget of the month does not have one more run: report.budget_per_month", True, alert)
    return Decision(alert=alert)


def refusal(github: GitHub, rules: Retrain, now: datetime) -> str:
    """Return the reason against a pull request now; empty if there is none."""
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
    """Yield the times of retraining's pull requests, the newest first."""
    for pull in github.pages("/pulls", state="all", base=base, sort="created", direction="desc"):
        time = datetime.fromisoformat(pull["created_at"])
        if time < since:
            return
        if _is_ours(pull, github.repository):
            yield time


def _is_ours(pull: Mapping[str, Any], repository: str) -> bool:
    """Return whether a pull request is retraining's: by its branch, in this repository, as a fork may use any name."""
    head = pull["head"]
    return str(head["ref"]).startswith(BRANCHES) and (head["repo"] or {}).get("full_name") == repository
