"""Steps of .github/workflows/retrain.yml, and of monitor.yml."""

import argparse
import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from verdict.ci.github.output import output, run_url, summary
from verdict.cli.steps import steps

Options = argparse.Namespace
Event = Callable[[], dict[str, Any]]


def _plan(options: Options) -> None:
    from verdict.ci.github.client import GitHub
    from verdict.ci.retrain.plan import plan
    from verdict.repo.revisions import resolve

    main = resolve(Path.cwd(), "HEAD")
    decision = plan(main, GitHub.from_environment(), options.event(), datetime.now(UTC))
    line = f"nothing is proposed: {decision.reason}" if decision.reason else "rows may be proposed"
    print(line)
    summary(line)
    output("go", "false" if decision.reason else "true")
    output("waits", _waits({"why": decision.reason}, decision.alert) if decision.needs_issue else "")


def _waits(why: Mapping[str, Any], alert: Mapping[str, str]) -> str:
    return json.dumps({"lacking": 0, "why": "", **why, "alert": dict(alert)})


def _collect(options: Options) -> None:
    from verdict.ci.retrain.collect import Trigger, collect
    from verdict.ci.retrain.plan import alert_of
    from verdict.repo.revisions import resolve

    alert = alert_of(options.event())
    trigger = Trigger(alert, run_url(), datetime.now(UTC), options.params)
    lacking = collect(resolve(Path.cwd(), "HEAD"), options.rows, trigger, options.out)
    line = f"{lacking} more labelled rows are wanted: nothing is proposed" if lacking else "new rows are proposed"
    print(line)
    summary(line)
    output("enough", "false" if lacking else "true")
    # Without an alert nothing has moved, so no issue asks for labels.
    output("waits", _waits({"lacking": lacking}, alert) if lacking and alert else "")


def _propose(options: Options) -> None:
    from verdict.ci.github.client import GitHub
    from verdict.ci.retrain.publish import propose

    own_token = not os.environ.get("VERDICT_LOGIN")
    propose(GitHub.from_environment(), GitHub.from_environment("RUNS_TOKEN"), options.out, own_token)


def _tell(_: Options) -> None:
    from verdict.ci.github.client import GitHub
    from verdict.ci.retrain.publish import report_waiting

    waits = os.environ.get("WAITS")
    report_waiting(GitHub.from_environment(), json.loads(waits) if waits else None, run_url())


def arguments(parser: argparse.ArgumentParser, event: Event) -> None:
    """Add a parser for each step; `event` reads the event that started the workflow."""
    add = steps(parser)
    add("plan", _plan, "may a pull request be proposed now?").set_defaults(event=event)
    collect = add("collect", _collect, "make a new version of the table, if there are rows enough")
    collect.set_defaults(event=event)
    collect.add_argument(
        "--rows", type=Path, default=Path("labelled"), metavar="FOLDER", help="tables of labelled rows"
    )
    collect.add_argument("--params", default="", metavar="KEY=VALUE ...", help="other params, to go along")
    propose = add("propose", _propose, "open the pull request")
    for command in (collect, propose):
        command.add_argument("--out", type=Path, default=Path("proposal"), metavar="FOLDER")
    add("tell", _tell, "keep the one issue on what retraining waits for: $WAITS, empty closes it")
