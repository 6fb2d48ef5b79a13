"""The judge of a run whose bundle a test rewrites, as a hostile run could."""

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.workflows.bundles import Files, pack
from tests.workflows.in_process import InProcessProject
from verdict.ci.publish.verdict import Verdict


class JudgeHarness:
    """An honest run, a checkout of main, and the judge."""

    def __init__(self, project: InProcessProject, run_id: int, folder: Path) -> None:
        self.project, self.run_id, self.folder = project, run_id, folder
        self.archive = project.artifacts(run_id) / "bundle.zip"
        with zipfile.ZipFile(self.archive) as opened:
            self.honest: Files = {name: opened.read(name) for name in opened.namelist()}

    def hand_over(self, files: Files) -> None:
        """Replace the bundle of the run."""
        pack(files, self.archive.parent)

    def judge(self, change: Callable[[Files], object] | None = None) -> tuple[Verdict, str]:
        """Judge the bundle after a change; return verdict and report."""
        if change:
            files = dict(self.honest)
            change(files)
            self.hand_over(files)
        out = self.folder.parent / "verdict"
        shutil.rmtree(out, ignore_errors=True)
        verdict, report = self.project.judge(self.run_id, self.folder, out)
        assert verdict is not None
        return verdict, report
