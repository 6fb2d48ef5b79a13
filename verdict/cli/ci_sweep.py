"""Steps of .github/workflows/sweep.yml."""

import argparse
import json
import os
import re
from pathlib import Path

from verdict.ci.github.output import output, run_url
from verdict.cli.steps import steps

Options = argparse.Namespace


def _missing(options: Options) -> None:
    from verdict.ci.sweep.missing import missing, plan_from_spec

    names = missing(plan_from_spec(Path.cwd(), options.spec), options.git_remote, options.only)
    output("names", json.dumps(names))
    output("number", str(len(names)))


def _baseline(_: Options) -> None:
    from verdict.ci.sweep.baseline import baseline
    from verdict.repo.remote import has_shared_remote

    baseline(Path.cwd(), remote=has_shared_remote(Path.cwd()))


def _name_remote(options: Options) -> None:
    from verdict.ci.sweep.experiments_remote import add_sweeps_remote

    add_sweeps_remote(Path.cwd(), options.url)


def _winner(options: Options) -> None:
    from verdict.ci.github.output import summary
    from verdict.ci.sweep.missing import plan_from_spec
    from verdict.ci.sweep.winner import copy_leaderboard, propose
    from verdict.experiments.leaderboard.command import Query, board_of

    plan = plan_from_spec(Path.cwd(), options.spec)
    board = board_of(Path.cwd(), Query(spec=plan.spec))
    summary(re.sub(r"<img [^>]*>", "", copy_leaderboard(options.board, options.out)))
    proposal = propose(plan, board, run_url(), options.out)
    print(proposal.title)
    output("change", "true" if proposal.files else "false")


def _propose(options: Options) -> None:
    from verdict.base.files import write_text
    from verdict.ci.github import comments
    from verdict.ci.github.client import GitHub
    from verdict.ci.github.images import with_pictures
    from verdict.ci.sweep.proposal import COMMENT, LEADERBOARD, read
    from verdict.ci.sweep.pull_request import TITLE, open_or_update

    github, proposal = GitHub.from_environment(), read(options.out)
    number = open_or_update(github, proposal, options.out, own_token=not os.environ.get("VERDICT_LOGIN"))
    text = (options.out / LEADERBOARD).read_text(encoding="utf-8")
    comment = with_pictures(github, text, options.out, f"verdict/pull-{number}", f"Leaderboard: {proposal.title}")
    write_text(options.out / COMMENT, comment + f'\n\n<sub><a href="{run_url()}">The run</a></sub>\n')
    output("number", str(number))
    output("poster", comments.choose_poster(github, number, TITLE))


def _comment(options: Options) -> None:
    from verdict.ci.github import comments
    from verdict.ci.github.client import GitHub
    from verdict.ci.sweep.proposal import COMMENT, read
    from verdict.ci.sweep.pull_request import TITLE

    text = (options.out / COMMENT).read_text(encoding="utf-8")
    comments.post(GitHub.from_environment(), options.number, TITLE, read(options.out).baseline, text)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add a parser for each step."""
    add = steps(parser)
    missing = add("missing", _missing, "the points without an experiment, for a matrix")
    missing.add_argument("--git-remote", default="origin")
    missing.add_argument("--only", nargs="+", default=[], metavar="NAME", help="look for these points alone")
    add("baseline", _baseline, "bring main's results here: what experiments start from")
    remote = add("meet", _name_remote, "name the DVC remote where experiments meet, in this checkout alone")
    remote.add_argument("url")
    winner = add("winner", _winner, "lay aside the pull request of the best experiment")
    winner.add_argument("--board", type=Path, default=Path("leaderboard"), metavar="FOLDER")
    for command in (missing, winner):
        command.add_argument("spec", help="a spec file of this commit, such as sweeps/linear.yaml")
    propose = add("propose", _propose, "open or update that pull request")
    comment = add("comment", _comment, "post the leaderboard without CML")
    comment.add_argument("--number", type=int, required=True, help="of the pull request")
    for command in (winner, propose, comment):
        command.add_argument("--out", type=Path, default=Path("proposal"), metavar="FOLDER")
