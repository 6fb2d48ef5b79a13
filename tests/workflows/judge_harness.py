"""The judge before a run whose bundle a test can rewrite: what a hostile run could hand over."""

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.workflows.bundles import Files, pack
from tests.workflows.in_process import InProcessProject
from verdict.ci.publish.verdict import Verdict


class JudgeHarness:
    """A run that was honest, a checkout of main, and the judge."""

    def __init__(self, project: InProcessProject, run_id: int, folder: Path) -> None:
        self.project, self.run_id, self.folder = project, run_id, folder
        self.archive = project.artifacts(run_id) / "bundle.zip"
        with zipfile.ZipFile(self.archive) as opened:
            self.honest: Files = {name: opened.read(name) for name in opened.namelist()}

    def hand_over(self, files: Files) -> None:
        """Replace what the run handed over."""
        pack(files, self.archive.parent)

    def judge(self, change: Callable[[Files], object] | None = None) -> tuple[Verdict, str]:
        """The verdict on the bundle after a change, and the report."""
        if change:
            files = dict(self.honest)
            change(files)
            self.hand_over(files)
        out = self.folder.parent / "verdict"
        shutil.rmtree(out, ignore_errors=True)
        found, report = self.project.judge(self.run_id, self.folder, out)
        assert found is not None
        return found, report
