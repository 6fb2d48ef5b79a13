"""Tell GitHub of drift and degradation: Alertmanager's webhook becomes a repository_dispatch, and so a retraining."""

import argparse
import os
import re
from pathlib import Path
from threading import Thread

from verdict.base.errors import VerdictError
from verdict.cli.exits import exit_1_on_error, libraries_of
from verdict.cli.http_options import read_secret

HELP = "tell GitHub of drift, by Alertmanager's webhook"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the address, the queue, and the two secrets."""
    add = parser.add_argument
    add("--repository", type=_repository, required=True, metavar="OWNER/NAME", help="whose workflows hear of it")
    add("--github-token", type=Path, required=True, metavar="FILE", help="holds a token: contents, write")
    add("--token-file", type=Path, required=True, metavar="FILE", help="holds the token that Alertmanager must bring")
    add("--queue", type=Path, required=True, metavar="FILE", help="keeps what GitHub does not have yet")
    api = os.environ.get("GITHUB_API_URL", "https://api.github.com")
    add("--api", default=api, help="default: $GITHUB_API_URL, or GitHub's")
    add("--host", default="127.0.0.1", help="where Alertmanager and Prometheus ask")
    add("--port", type=int, default=8005, help="0 for any that is free")


def _repository(text: str) -> str:
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not OWNER/NAME")
    return text


@exit_1_on_error
def run(options: argparse.Namespace) -> None:
    """Relay until told to end; 1 if a file is missing, or another relay has the queue or the port."""
    with libraries_of("`verdict relay`", "pip install -r requirements/serving.txt"):
        import uvicorn
        from prometheus_client import CollectorRegistry

        from verdict.ci.relay.application import application
        from verdict.ci.relay.delivery import Delivery
        from verdict.ci.relay.queue import Queue
        from verdict.web.protocol import BoundedProtocol
        from verdict.web.server import listen
    if not options.github_token.read_text(encoding="utf-8").strip():  # report a wrong file now, not at the first alert
        remedy = "a fine-grained token, contents: write (docs/monitoring.md)"
        raise VerdictError(str(options.github_token), "holds no token", remedy)
    token, registry, queue = read_secret(options.token_file) or b"", CollectorRegistry(), Queue(options.queue)
    listener = listen(options.host, options.port)
    delivery = Delivery(queue, options.repository, options.github_token, options.api, registry)
    config = uvicorn.Config(application(token, delivery, registry), access_log=False, log_level="error")
    config.http, config.ws, config.lifespan, config.server_header = BoundedProtocol, "none", "off", False
    config.limit_concurrency = 32
    Thread(target=delivery.run, daemon=True).start()
    where = f"http://{options.host}:{listener.getsockname()[1]}/alerts"
    print(f"relay: {options.repository}, {queue.waiting()} waiting, on {where}", flush=True)
    uvicorn.Server(config).run([listener])
