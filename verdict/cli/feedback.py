"""Count labels that come back with an answer's receipt: POST /feedback. No text is kept, but of those who consent.

`rows` writes the texts of those who consented as a table, `purge` removes what is older than params.yaml says.
"""

import argparse
import csv
import json
import os
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from verdict.base.errors import VerdictError
from verdict.cli import http_options
from verdict.cli.exits import exit_1_on_error

if TYPE_CHECKING:
    from verdict.monitoring.feedback.settings import Consent, Settings

HELP = "count labels that come back"
_MANIFEST, _PARAMS = Path("models/classifier/manifest.json"), Path("params.yaml")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be true, where counts and texts are, and where it listens."""
    add = parser.add_argument
    add("what", nargs="?", choices=["serve", "rows", "purge"], default="serve", help="default: serve")
    add("--labels", metavar="A,B,…", help="as in a line of csv, of all releases (default: those of models/classifier)")
    add("--params", type=Path, metavar="FILE", help="its group feedback says whether texts are kept (./params.yaml)")
    add("--identity", type=Path, metavar="FILE", help="of rows: the private key of age")
    add("--out", type=Path, default=Path("rows.csv"), metavar="FILE", help="of rows (default: rows.csv)")
    add("--since", type=date.fromisoformat, default=date.min, metavar="DATE", help="of rows: such as 2026-11-26")
    database(parser)
    http_options.arguments(parser, 8002)


def database(parser: argparse.ArgumentParser) -> None:
    """Add where the counts are."""
    default = os.environ.get("VERDICT_DATABASE", "sqlite:///feedback.db")
    told = "sqlite:///FILE or postgresql://… (default: $VERDICT_DATABASE, or feedback.db here)"
    parser.add_argument("--database", default=default, metavar="URL", help=told)


@exit_1_on_error
def run(options: argparse.Namespace) -> None:
    """Serve until told to end, or do what is asked; 0, or 1 with what is missing."""
    try:
        from verdict.monitoring.feedback.service import Feedback, application
        from verdict.monitoring.feedback.settings import consent
        from verdict.web.server import run as serve
    except ImportError as error:
        what, remedy = "not installed; `verdict feedback` needs it", "pip install -r requirements/feedback.txt"
        raise VerdictError(error.name or "a library", what, remedy) from None
    kept = consent(options.params)
    if options.what != "serve":
        return _texts(options, kept)
    feedback = Feedback(_settings(options, kept))
    told = f"feedback: keeps {'texts of those who consent' if kept.texts else 'no text'}"
    return serve(application(feedback), feedback, told)


def _settings(options: argparse.Namespace, kept: "Consent") -> "Settings":
    from verdict.monitoring.feedback.settings import Settings

    key = http_options.read_secret(options.receipt_key)
    if key is None:
        raise VerdictError("--receipt-key", "is missing", "the file that `verdict serve --receipt-key` has")
    given = {name: value for name, value in vars(options).items() if name in Settings.__dataclass_fields__}
    secrets = {"token": http_options.read_secret(options.token_file), "receipt_key": key}
    return Settings(**given | secrets | {"labels": _labels(options.labels), "consent": kept})


def _labels(line: str | None) -> tuple[str, ...]:
    if line is not None:
        labels = tuple(name.strip() for name in next(csv.reader([line], skipinitialspace=True), ()))
        if not all(labels) or not labels:
            raise VerdictError("--labels", "has a label without a name, or none", "--labels A,B,… of all that serve")
        return labels
    if not _MANIFEST.is_file():
        raise VerdictError("--labels", "is missing, and there is no model here", "--labels A,B,… of all that serve")
    return tuple(json.loads(_MANIFEST.read_bytes())["labels"])


def _texts(options: argparse.Namespace, kept: "Consent") -> None:
    from verdict.monitoring.feedback.rows import columns, write
    from verdict.monitoring.feedback.texts import TextStore

    if not kept.texts:
        raise VerdictError("params.yaml, feedback.texts", "no texts are kept", "docs/monitoring.md says how")
    texts = TextStore(kept)
    if options.what == "purge":
        return print(f"removed {texts.purge()} texts that were older than {kept.days} days")
    if options.identity is None:
        raise VerdictError("--identity", "is missing", "the private key that fits feedback.recipient")
    found = list(texts.rows(options.identity, options.since))
    rows = [(name, row) for name, row in found if row is not None]
    if found and not rows:
        raise VerdictError(str(options.identity), "opens none of the texts", "the key that fits feedback.recipient")
    write(options.out, columns(options.params or _PARAMS), rows)
    if len(found) > len(rows):
        print(f"{len(found) - len(rows)} texts do not open with this key", file=sys.stderr)
    return print(f"{options.out}: {len(rows)} rows, in plain text now: remove them once they are taken")


if __name__ == "__main__":  # in an image, which has this of verdict/cli and no list of commands
    parser = argparse.ArgumentParser(prog="verdict feedback", description=__doc__)
    arguments(parser)
    sys.exit(run(parser.parse_args()))
