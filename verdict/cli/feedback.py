"""Count labels that come back with an answer's receipt: POST /feedback. No text is kept without consent.

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
from verdict.cli.exits import exit_1_on_error, libraries_of

if TYPE_CHECKING:
    from verdict.monitoring.feedback.settings import Consent, Settings

HELP = "count labels that come back"
_MANIFEST, _PARAMS = Path("models/classifier/manifest.json"), Path("params.yaml")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options: labels, params, database, texts, and where it listens."""
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
    """Add the option for the database."""
    default = os.environ.get("VERDICT_DATABASE", "sqlite:///feedback.db")
    text = "sqlite:///FILE or postgresql://… (default: $VERDICT_DATABASE, or feedback.db here)"
    parser.add_argument("--database", default=default, metavar="URL", help=text)


@exit_1_on_error
def run(options: argparse.Namespace) -> None:
    """Serve until told to end, or handle the texts; 0, or 1 with a message."""
    with libraries_of("`verdict feedback`", "pip install -r requirements/feedback.txt"):
        from verdict.monitoring.feedback.service import Feedback, application
        from verdict.monitoring.feedback.settings import read_consent
        from verdict.web.server import run as serve
    consent = read_consent(options.params)
    if options.what != "serve":
        return _handle_texts(options, consent)
    feedback = Feedback(_settings(options, consent))
    greeting = f"feedback: keeps {'texts of those who consent' if consent.texts else 'no text'}"
    return serve(application(feedback), feedback, greeting)


def _settings(options: argparse.Namespace, consent: "Consent") -> "Settings":
    from verdict.monitoring.feedback.settings import Settings

    key = http_options.read_secret(options.receipt_key)
    if key is None:
        raise VerdictError("--receipt-key", "is missing", "the file that `verdict serve --receipt-key` has")
    values = {name: value for name, value in vars(options).items() if name in Settings.__dataclass_fields__}
    secrets = {"token": http_options.read_secret(options.token_file), "receipt_key": key}
    return Settings(**values | secrets | {"labels": _labels(options.labels), "consent": consent})


def _labels(line: str | None) -> tuple[str, ...]:
    if line is not None:
        labels = tuple(name.strip() for name in next(csv.reader([line], skipinitialspace=True), ()))
        if not all(labels) or not labels:
            raise VerdictError("--labels", "has a label without a name, or none", "--labels A,B,… of all that serve")
        return labels
    if not _MANIFEST.is_file():
        raise VerdictError("--labels", "is missing, and there is no model here", "--labels A,B,… of all that serve")
    return tuple(json.loads(_MANIFEST.read_bytes())["labels"])


def _handle_texts(options: argparse.Namespace, consent: "Consent") -> None:
    """Write the texts as a table, or remove old ones."""
    from verdict.monitoring.feedback.rows import columns, write
    from verdict.monitoring.feedback.texts import TextStore

    if not consent.texts:
        raise VerdictError("params.yaml, feedback.texts", "no texts are kept", "docs/monitoring.md says how")
    texts = TextStore(consent)
    if options.what == "purge":
        return print(f"removed {texts.purge()} texts that were older than {consent.days} days")
    if options.identity is None:
        raise VerdictError("--identity", "is missing", "the private key that fits feedback.recipient")
    files = list(texts.rows(options.identity, options.since))
    rows = [(name, row) for name, row in files if row is not None]
    if files and not rows:
        raise VerdictError(str(options.identity), "opens none of the texts", "the key that fits feedback.recipient")
    write(options.out, columns(options.params or _PARAMS), rows)
    if len(files) > len(rows):
        print(f"{len(files) - len(rows)} texts do not open with this key", file=sys.stderr)
    return print(f"{options.out}: {len(rows)} rows, in plain text now: remove them once they are taken")


if __name__ == "__main__":  # in an image, which has this module and no list of commands
    parser = argparse.ArgumentParser(prog="verdict feedback", description=__doc__)
    arguments(parser)
    sys.exit(run(parser.parse_args()))
