"""Mirror experiments and releases into an MLflow tracking server, which is never read back."""

import argparse

from verdict.cli.exits import exit_1_on_error
from verdict.cli.project import enter_project

HELP = "mirror experiments and releases into MLflow"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the address of the server."""
    parser.add_argument("--to", required=True, metavar="URI", help="a tracking server, such as http://127.0.0.1:5000")


@exit_1_on_error
def run(options: argparse.Namespace) -> None:
    """Write the missing ones there; 0, or 1 with a message."""
    from verdict.delivery.mirror import MLflow, mirror
    from verdict.experiments.leaderboard.experiments import find_experiments

    root = enter_project()
    print(
        mirror(
            root, MLflow(options.to), [(experiment.name, experiment.commit) for experiment in find_experiments(root)]
        )
    )
