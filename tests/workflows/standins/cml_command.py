"""`cml comment update` with the API calls of CML 0.20.6, and no other command.

Like CML: it updates the last of the first 30 comments with the watermark, by any author; no retries.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

VERSION = "0.20.6-standin"
_IMAGE = "https://cml.dev/watermark.png"
_ESCAPED = re.compile(r"[_*\[<]")  # CML writes a backslash before these, and looks for it


def main() -> int:
    """Put the report where `--target` says."""
    if sys.argv[1:] == ["--version"]:
        print(VERSION)
        return 0
    arguments = _arguments()
    with suppress(OSError, KeyError):  # CML minds no error here, and asks also where its telemetry is off
        _ask("GET", f"users/{quote(os.environ['GITHUB_ACTOR'])}")
    body = f"{Path(arguments.file).read_text(encoding='utf-8')}\n\n{_watermark(arguments.title)}"
    number = re.fullmatch(r"pr/(\d+)", arguments.target)
    if number is None or arguments.publish != "false":
        return _refuse("the stand-in knows --target=pr/<n> with --publish=false only")
    try:
        is_update = arguments.action == "update"
        print(_update(f"issues/{number[1]}/comments", arguments.title, body, update=is_update))
    except (OSError, KeyError) as error:
        return _refuse(str(error))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="cml", allow_abbrev=False)
    parser.add_argument("noun", choices=["comment"])
    parser.add_argument("action", choices=["update", "create"])
    parser.add_argument("file")
    parser.add_argument("--publish", default="true")
    parser.add_argument("--watermark-title", dest="title", default="")
    group = parser.add_mutually_exclusive_group()  # as in CML
    group.add_argument("--target", default="auto")
    group.add_argument("--commit-sha", "--head-sha")
    parser.add_argument("--token", default="")
    parser.add_argument("--repo", default=os.environ.get("CML_REPO", ""))
    parser.add_argument("--driver", choices=["github"])
    parser.add_argument("--log")
    return parser.parse_args()


def _update(path: str, title: str, body: str, *, update: bool) -> str:
    pattern = re.compile(rf'!\[\]\({re.escape(_IMAGE)}#[0-9a-fA-F]+ "{re.escape(_title(title))}"\)')
    ids = [comment["id"] for comment in _call("GET", path) if pattern.search(comment["body"])] if update else []
    comment = _call("PATCH", f"issues/comments/{ids[-1]}", body) if ids else _call("POST", path, body)
    return str(comment["html_url"])


def _title(label: str) -> str:
    workflow, run = os.environ.get("GITHUB_WORKFLOW", "undefined"), os.environ.get("GITHUB_RUN_ID", "undefined")
    label = label.replace("{workflow}", workflow, 1).replace("{run}", run, 1)
    return _ESCAPED.sub(r"\\\g<0>", f"CML watermark {label}".strip())


def _watermark(title: str) -> str:
    return f'![]({_IMAGE}#{_commit()} "{_title(title)}")'


def _commit() -> str:
    if os.environ.get("GITHUB_EVENT_NAME") == "pull_request":
        event: dict[str, Any] = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
        return str(event["pull_request"]["head"]["sha"])
    if sha := os.environ.get("GITHUB_SHA"):
        return sha
    return subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


def _call(method: str, path: str, body: str | None = None) -> Any:  # noqa: ANN401 - JSON
    return _ask(method, f"repos/{os.environ['GITHUB_REPOSITORY']}/{path}", body)


def _ask(method: str, path: str, body: str | None = None) -> Any:  # noqa: ANN401 - JSON
    token = os.environ.get("REPO_TOKEN") or os.environ["GITHUB_TOKEN"]
    url = f"{_base()}/{path}"
    headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps({"body": body}).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method)) as answer:  # noqa: S310
        return json.load(answer)


def _base() -> str:
    """The API's address. CML itself ignores GITHUB_API_URL, and takes all hosts but github.com for an enterprise's."""
    repo = urlsplit(os.environ.get("CML_REPO", ""))
    if repo.hostname not in (None, "github.com"):
        return f"{repo.scheme}://{repo.netloc}/api/v3"
    return os.environ.get("GITHUB_API_URL", "https://api.github.com")


def _refuse(message: str) -> int:
    print(json.dumps({"level": "error", "message": message}), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
