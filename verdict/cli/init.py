"""Put your own table in the place of the example: track it with DVC, describe it in params.yaml, start new cards."""

import argparse
from pathlib import Path

from verdict.cli.exits import exit_1_on_error

HELP = "put your own table in the place of the example"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the table, and an option for each meaning that a column can have."""
    parser.add_argument("table", type=Path, help="csv, tsv, jsonl or parquet, also .gz; or a folder of them")
    parser.add_argument(
        "--text", action="append", metavar="COLUMN", help="what is classified; several times to join columns"
    )
    parser.add_argument("--label", metavar="COLUMN", help="the class of a row")
    parser.add_argument("--positive", metavar="LABEL", help="of two classes the one that matters; default: the last")
    rating = "instead of --label: numbers from LOW to HIGH, whose middle ± BAND is a class of its own (0: two classes)"
    parser.add_argument("--rating", nargs=4, metavar=("COLUMN", "LOW", "HIGH", "BAND"), help=rating)
    labels = "the classes in their order, as in a line of csv; of a rating from low to high"
    parser.add_argument("--labels", metavar="A,B,…", help=labels)
    parser.add_argument("--id", metavar="COLUMN", help="a unique name of a row; default: a hash of its text")
    parser.add_argument("--group", metavar="COLUMN", help="rows that belong together, such as a thread or an author")
    parser.add_argument(
        "--slice", action="append", metavar="COLUMN", help="scores are shown for each of its values, too"
    )
    parser.add_argument("--date", metavar="COLUMN", help="when a row is from: the newest rows are the test split")
    parser.add_argument("--split", metavar="COLUMN", help="says train, validation or test; default: drawn by group")
    parser.add_argument("--weight", metavar="COLUMN", help="how much a row counts in training")
    parser.add_argument("--headline", metavar="METRIC", help="the metric that decides; default: the weighted F1")
    parser.add_argument("--force", action="store_true", help="also over files that git could not bring back")


@exit_1_on_error
def run(options: argparse.Namespace) -> None:
    """Describe the table; 0, or 1 with a message if nothing was changed."""
    from verdict.init.command import replace_table

    replace_table(Path.cwd(), options)
