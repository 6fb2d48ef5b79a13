"""Is live text like the training text? Exit 0: no drift, 1: drift, 2: too few texts, or it cannot be told."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from verdict.base import paths
from verdict.base.outcome import CANNOT_JUDGE, FAIL, PASS
from verdict.cli.exits import exit_2_on_error, libraries_of
from verdict.cli.types import amount

if TYPE_CHECKING:
    from verdict.monitoring.reference import Reference
    from verdict.monitoring.reference.mixture import Window

HELP = "is live text what the model was trained on? exit 0 no drift, 1 drift, 2 too few texts"
METRICS = "http://127.0.0.1:8001/metrics"
STATE, REFERENCE = Path("drift.json"), Path(paths.REFERENCE)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options: sources of counts, reference, output, and those of the watch."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--from", dest="urls", action="append", metavar="URL", help=f"a service's metrics; again for more ({METRICS})"
    )
    source.add_argument("--prometheus", metavar="URL", help="all services together, by what Prometheus has")
    source.add_argument("--texts", type=Path, metavar="FILE", help="a table of text, which --model scores here")
    add = parser.add_argument
    add("--since", default="6h", metavar="TIME", help="with --prometheus (default: %(default)s)")
    add("--model", type=Path, default=Path("models/classifier"), metavar="DIR", help="with --texts")
    add("--release", metavar="VERSION", help="of this one alone (default: all texts)")
    add("--reference", type=Path, metavar="FILE", help=f"default: a service's own, else {REFERENCE}")
    add("--floor", type=amount, help="the least score to expect (default: gate.floors of params.yaml, if it is here)")
    add("--json", action="store_true", help="print JSON")
    add("--html", type=Path, metavar="FILE", help="write a page with plots, too")
    add("--watch", action="store_true", help="go on: measure window by window, and tell Prometheus")
    add("--every", type=amount, default=5.0, metavar="SECONDS", help="with --watch (default: %(default)s)")
    add("--host", default="127.0.0.1", help="with --watch: where Prometheus asks")
    add("--port", type=int, default=8004, help="with --watch (default: %(default)s)")
    add("--state", type=Path, default=STATE, metavar="FILE", help="with --watch: what a restart goes on from")


@exit_2_on_error
def run(options: argparse.Namespace) -> int:
    """Measure once, or until told to end; 0, 1 or 2."""
    return _watch(options) if options.watch else _once(options)


def _once(options: argparse.Namespace) -> int:
    from verdict.monitoring.findings import MIN_TEXTS, measure
    from verdict.monitoring.formats import as_json, as_table, write_page
    from verdict.monitoring.reference import read
    from verdict.monitoring.sources import fetch_reference

    of_service = not (options.reference or options.prometheus or options.texts)
    reference = fetch_reference((options.urls or [METRICS])[0]) if of_service else read(options.reference or REFERENCE)
    window, same_words = _window(options, reference)
    if window.texts < MIN_TEXTS:
        print(f"too few texts: {window.texts:,} were counted, {MIN_TEXTS:,} are needed", file=sys.stderr)
        return CANNOT_JUDGE
    measurement = measure(reference, window, _floor(options.floor), same_words=same_words)
    if options.html:
        write_page(options.html, measurement, window, reference)
    print(as_json(measurement) if options.json else as_table(measurement))
    return FAIL if measurement.drifted else PASS


def _window(options: argparse.Namespace, reference: "Reference") -> "tuple[Window, bool]":
    """The counts of all sources together, and whether they are by the words of the reference."""
    from verdict.monitoring import sources

    if options.texts:
        return sources.count_table(options.texts, options.model, reference), True
    if options.prometheus:
        samples, same_words = sources.query_increases(options.prometheus, options.since), True
    else:
        samples = [sample for url in options.urls or [METRICS] for sample in sources.scrape(url)]
        same_words = sources.digests(samples) <= {reference.digest}
    windows = sources.windows_by_release(samples, reference)
    chosen = [window for release, window in windows.items() if options.release in (None, release)]
    return sum(chosen, sources.empty_window(reference)), same_words


def _floor(floor: float | None) -> float | None:
    """The floor that was given, or that of params.yaml if there is one here."""
    from verdict.base.documents import parse
    from verdict.base.paths import PARAMS
    from verdict.classifier.params.metric_names import OVERALL

    if floor is not None or not Path(PARAMS).exists():
        return floor
    params = parse(Path(PARAMS).read_text(encoding="utf-8"), PARAMS, "verdict params")
    floor = ((params.get("gate") or {}).get("floors") or {}).get(OVERALL)
    if isinstance(floor, dict):  # by metric
        floor = floor.get("headline", floor.get((params.get("evaluate") or {}).get("headline")))
    return None if floor is None else float(floor)


def _watch(options: argparse.Namespace) -> int:
    with libraries_of("--watch", "make serve (or pip install -r requirements/serving.txt)"):
        from prometheus_client import start_http_server

        from verdict.monitoring.gauges import Gauges
        from verdict.web.server import naming_address
    from verdict.monitoring.reference import read
    from verdict.monitoring.watch import Watch

    urls = options.urls or [METRICS]
    watch = Watch(urls, read(options.reference) if options.reference else None, _floor(options.floor), options.state)
    with naming_address(options.host, options.port, "--port"):
        server, _ = start_http_server(options.port, options.host, Gauges(watch).registry)
    print(f"drift: {', '.join(urls)}, told on http://{options.host}:{server.server_port}/metrics", flush=True)
    watch.run(options.every)
    return 0
