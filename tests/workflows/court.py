"""The judge in this process, before a run whose bundle a test can rewrite: what a hostile run could hand over."""

import json
import shutil
import zipfile
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import Any

from tests.workflows import events
from tests.workflows.origin import git
from tests.workflows.outcome import Outcome
from tests.workflows.site import Site
from verdict.ci.github.client import GitHub as Client
from verdict.ci.judge.triage import judge
from verdict.ci.publish.verdict import Verdict

Files = dict[str, bytes]
_READ = {"contents": "read", "actions": "read", "pull_requests": "read", "issues": "read"}


class Court:
    """A run that was honest, a checkout of main, and the judge."""

    def __init__(self, site: Site, ran: Outcome, folder: Path) -> None:
        self.site, self.run_id, self.folder = site, ran.run_id, folder
        self.archive = site.origin.artifacts / str(ran.run_id) / "bundle.zip"
        with zipfile.ZipFile(self.archive) as opened:
            self.honest: Files = {name: opened.read(name) for name in opened.namelist()}
        git(folder.parent, "clone", "--quiet", "--branch", "main", str(site.origin.folder), str(folder))
        cache = site.clone.path / ".dvc" / "cache"
        shutil.copytree(cache, folder / ".dvc" / "cache")

    def hand_over(self, files: Files) -> None:
        """Replace what the run handed over."""
        with zipfile.ZipFile(self.archive, "w", zipfile.ZIP_DEFLATED) as made:
            for name, content in files.items():
                made.writestr(name, content)

    def judge(self, change: Callable[[Files], object] | None = None) -> tuple[Verdict, str]:
        """The verdict on the bundle after a change, and the report."""
        files = dict(self.honest)
        if change:
            change(files)
            self.hand_over(files)
        token = self.site.github.token("token-of-the-judge", _READ)
        client = Client(self.site.github.name, token, self.site.github.url)
        event = events.workflow_run(self.site.github, self.run_id).payload
        out = self.folder.parent / "verdict"
        shutil.rmtree(out, ignore_errors=True)
        with chdir(self.folder):
            found = judge(self.folder, client, event, out, first=False)
        assert found is not None
        report = out / "report.md"
        return found, report.read_text(encoding="utf-8") if report.exists() else ""


def rejson(files: Files, name: str, change: Callable[[Any], Any]) -> None:
    """Replace a JSON file of the bundle by what `change` makes of it."""
    files[name] = json.dumps(change(json.loads(files[name]))).encode()
