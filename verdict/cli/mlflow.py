"""Mirror experiments and releases into an MLflow tracking server: written there, never read back."""

import argparse

from verdict.cli.exits import reported

HELP = "mirror experiments and releases into MLflow"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add where the server is."""
    parser.add_argument("--to", required=True, metavar="URI", help="a tracking server, such as http://127.0.0.1:5000")


def run(options: argparse.Namespace) -> int:
    """Write what is missing there; 0, or 1 with a message."""

    def write() -> None:
        from verdict.delivery.mirror import MLflow, mirror
        from verdict.experiments.leaderboard.experiments import find
        from verdict.repo.environment import clean_own_environment
        from verdict.repo.project import project_root

        clean_own_environment()
        root = project_root()
        print(mirror(root, MLflow(options.to), [(one.name, one.commit) for one in find(root)]))

    return reported(write)
