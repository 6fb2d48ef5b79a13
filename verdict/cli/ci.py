"""Steps of the workflows in .github, which run on GitHub's runners and read the variables of Actions."""

import argparse
import json
import os
from pathlib import Path
from typing import Any

from verdict.base.errors import VerdictError
from verdict.ci.github.output import output, run_url
from verdict.cli import ci_retrain, ci_sweep
from verdict.cli.exits import exit_1_on_error
from verdict.cli.steps import steps

HELP = "steps of the workflows in .github"

Options = argparse.Namespace


def _event() -> dict[str, Any]:
    path = Path(os.environ.get("GITHUB_EVENT_PATH", ""))
    if not path.is_file():
        raise VerdictError("GITHUB_EVENT_PATH", "not set, or no such file", "run this in GitHub Actions")
    event: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return event


def _plan(options: Options) -> None:
    from verdict.ci.run.precheck import plan

    plan(Path.cwd(), _base(options, Path.cwd()), options.asked)


def _reproduce(options: Options) -> None:
    from verdict.ci.run.reproduce import reproduce
    from verdict.repo.isolation.main_code import MainCode

    root = options.root.resolve()
    if options.params.strip():
        from verdict.ci.run.overrides import apply

        apply(root, options.params)
    main = None if options.own_data else MainCode(Path(__file__).resolve().parents[2])
    reproduce(root, _base(options, root), options.out.resolve(), options.remote and _remote(root), main)


def _base(options: Options, root: Path) -> str:
    from verdict.repo.refs import default_branch

    return options.base if options.base is not None else default_branch(root)


def _judge(options: Options) -> None:
    from verdict.base.printable import plain
    from verdict.ci.github.client import GitHub
    from verdict.ci.judge.bounds import limit_memory
    from verdict.ci.judge.triage import judge

    limit_memory()
    verdict = judge(Path.cwd(), GitHub.from_environment(), _event(), options.out, options.first)
    if verdict is None:
        print("what the pipeline reads has changed: a first look does not suffice")
    else:
        print(plain(f"nothing to tell: {verdict.skip}" if verdict.skip else verdict.title, 1000))
    output("done", "true" if verdict else "false")
    output("lock", "true" if verdict and verdict.lock else "false")
    output("judged", verdict.head if verdict and verdict.artifact else "")


def _publish(options: Options) -> None:
    from verdict.ci.github.client import GitHub
    from verdict.ci.publish.publish import publish

    poster, number = publish(GitHub.from_environment(), GitHub.from_environment("RUNS_TOKEN"), _event(), options.out)
    output("poster", poster)
    output("number", str(number or ""))


def _comment(options: Options) -> None:
    from verdict.ci.github.client import GitHub
    from verdict.ci.publish.publish import comment

    comment(GitHub.from_environment(), options.out)


def _take_previews(options: Options) -> None:
    from verdict.ci.github.client import GitHub
    from verdict.ci.github.preview import format_commits
    from verdict.ci.judge.previews import collect
    from verdict.repo.revisions import resolve
    from verdict.review.policy import policy_of

    policy = policy_of(resolve(Path.cwd(), "HEAD"))
    taken, wanted = collect(GitHub.from_environment(), policy.max_artifact_mb, options.out)
    output("taken", format_commits(taken))
    output("wanted", " ".join(map(str, sorted(wanted))))


def _tell_previews(_: Options) -> None:
    from verdict.ci.github.client import GitHub
    from verdict.ci.github.preview import parse_commits
    from verdict.ci.publish.previews import record_deployments

    taken, serving = (parse_commits(os.environ.get(name, "")) for name in ("TAKEN", "SERVING"))
    record_deployments(GitHub.from_environment(), taken, serving, os.environ["PREVIEW_URL"])


def _commit_lock(options: Options) -> None:
    from verdict.ci.github.client import GitHub
    from verdict.ci.publish.commit_results import commit_lock

    print(f"committed {commit_lock(GitHub.from_environment(), options.out)}")


def _main(_: Options) -> None:
    from verdict.ci.audit import reproduce_main, summary

    audit = reproduce_main(Path.cwd(), _remote(Path.cwd()), fresh=False)
    print(summary(audit))
    if audit.differences:
        raise VerdictError("dvc.lock of main", "is not what running gives, see above", "revert, or merge a true one")


def _push(_: Options) -> None:
    from verdict.repo.remote import push

    if not _remote(Path.cwd()):
        print("no remote that others reach: nothing to push")
    elif missing := push(Path.cwd(), verify=True):
        raise VerdictError("DVC's remote", f"{len(missing)} objects are missing: {missing[0]}", "docs/remote.md")


def _audit(options: Options) -> None:
    from verdict.ci.audit import reproduce_main, summary, write_audit

    audit = reproduce_main(Path.cwd(), _remote(Path.cwd()), fresh=True)
    write_audit(audit, options.out)
    print(summary(audit))


def _report_audit(options: Options) -> None:
    from verdict.ci.audit import report
    from verdict.ci.github.client import GitHub

    report(GitHub.from_environment(), options.out, run_url())


def _overdue(_: Options) -> None:
    from datetime import UTC, datetime

    from verdict.ci.github.client import GitHub
    from verdict.ci.overdue import require_audited

    require_audited(GitHub.from_environment(), datetime.now(UTC))
    print("the audit is not overdue")


def _tell_drift(options: Options) -> None:
    from verdict.ci.github.client import GitHub
    from verdict.ci.monitor import report_drift

    report_drift(GitHub.from_environment(), options.printed, options.code, run_url())


def _remote(root: Path) -> bool:
    """Return whether DVC's remote is one that others reach. Without a key, the remote itself refuses."""
    from verdict.repo.remote import has_shared_remote

    return has_shared_remote(root)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add a parser for each step."""
    add = steps(parser)
    plan = add("plan", _plan, "is dvc.lock consistent, and must anything run?")
    plan.add_argument("--asked", action="store_true", help="go on where dvc.lock is stale")
    reproduce = add("reproduce", _reproduce, "run the DAG from main's results, and fill a bundle")
    root = "the checkout to reproduce (default: this folder); the code, this folder's, should be main's"
    reproduce.add_argument("--root", type=Path, default=Path(), metavar="FOLDER", help=root)
    own_data = "the change's own code prepares the data, since a person approved that"
    reproduce.add_argument("--own-data", action="store_true", help=own_data)
    reproduce.add_argument("--params", default="", metavar="KEY=VALUE ...", help="other values than params.yaml has")
    reproduce.add_argument("--remote", action="store_true", help="DVC's remote may be asked")
    for command in (plan, reproduce):
        command.add_argument("--base", metavar="REV", help="main (default: the default branch)")
    judge = add("judge", _judge, "judge a finished run by main's code")
    judge.add_argument("--first", action="store_true", help="a first look: is it unchanged?")
    publish = add("publish", _publish, "store the pictures, set the check, write the comment")
    comment = add("comment", _comment, "post the comment without CML")
    commit = add("commit-lock", _commit_lock, "commit the reproduced dvc.lock to the branch")
    preview = add("take-previews", _take_previews, "the judged artifacts of pull requests with the label preview")
    preview.add_argument("--out", type=Path, default=Path("previews"), metavar="FOLDER")
    add("tell-previews", _tell_previews, "record what $TAKEN was, by $SERVING, as deployments")
    add("main", _main, "reproduce main; 1 when its dvc.lock is false")
    add("push", _push, "push main's results to the remote, where there is one")
    audit = add("audit", _audit, "run main from nothing, and keep what differs")
    report = add("report-audit", _report_audit, "open, update or close the issue about it")
    add("overdue", _overdue, "does the nightly audit still run? 1 when it does not")
    for command, default in ((reproduce, "bundle"), (audit, "audit.json"), (report, "audit.json")):
        command.add_argument("--out", type=Path, default=Path(default), metavar="PATH")
    for command in (judge, publish, comment, commit):
        command.add_argument("--out", type=Path, default=Path("judgement"), metavar="FOLDER")
    drift = add("tell-drift", _tell_drift, "keep the one issue on drift")
    drift.add_argument("printed", type=Path, help="what verdict drift printed")
    drift.add_argument("--code", type=int, required=True, help="the code that it ended with")
    ci_sweep.arguments(add("sweep", None, "steps of sweep.yml"))
    ci_retrain.arguments(add("retrain", None, "steps of retrain.yml"), _event)


@exit_1_on_error
def run(options: Options) -> None:
    """Run the step at the root of the repository; 0, or 1 with a message."""
    from verdict.repo.environment import clean_own_environment
    from verdict.repo.project import require_git_root

    clean_own_environment()
    require_git_root()
    options.step(options)
