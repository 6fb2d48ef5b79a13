"""Print the tables of the metrics, and the published ones."""

import argparse
from pathlib import Path

from verdict.cli.exits import exit_1_on_error

HELP = "print the tables of the metrics"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file of the metrics."""
    parser.add_argument("path", type=Path, nargs="?", default=Path("metrics/evaluation.json"))


@exit_1_on_error
def run(options: argparse.Namespace) -> None:
    """Print the tables; 0, or 1 if there are no metrics, or only those of other data than params.yaml names."""
    from verdict.base.paths import DATASET
    from verdict.classifier.dataset.description import read_dataset
    from verdict.classifier.scores.scoreboard import scoreboard
    from verdict.repo.lock.current import require_current_metrics

    require_current_metrics(Path(), options.path.as_posix())
    labels = read_dataset(Path(DATASET)).labels if Path(DATASET).is_file() else ()
    print(scoreboard(options.path, Path("data/published.csv"), labels))
