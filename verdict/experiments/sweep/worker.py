"""A worker: a clone of this repository, with its cache, in which `dvc exp run` runs one experiment after another.

DVC's ways to run several at once remove the workspace's files for a moment (a kill then leaves them changed), fail on
each other's locks (`--temp`), or leave killed runs "Running" for ever (the queue). A clone has its own workspace and
locks; it holds an experiment completely or not at all, and one atomic step brings the experiment here.
"""

import re
import shutil
import subprocess
from pathlib import Path
from tempfile import mkdtemp

from verdict.base.errors import VerdictError
from verdict.base.files import write_text
from verdict.classifier.training import checkpoints
from verdict.experiments.sweep import processes
from verdict.experiments.sweep.plan import Plan, Point
from verdict.repo.dvc import dvc, dvc_command, share_cache
from verdict.repo.environment import child_environment
from verdict.repo.git import git, project_prefix, toplevel
from verdict.repo.sources import copy_pretrained

HOME = Path(".dvc/tmp/sweeps")
_EXPERIMENT = re.compile(r"refs/exps/[0-9a-f]{2}/[0-9a-f]{38,}/[^/]+")
_NO_COMMIT = "0" * 40


class Worker:
    """A folder with a clone. It stays if the sweep is killed, and the next sweep takes over its experiments."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clone = folder / "clone"

    @property
    def point(self) -> str:
        """The name of the current or last experiment; empty if there was none."""
        try:
            return (self.folder / "point").read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    @classmethod
    def leftover(cls, root: Path) -> "list[Worker]":
        """The workers that earlier sweeps left behind."""
        work = root / HOME / "workers"
        return [cls(folder) for folder in sorted(work.iterdir())] if work.is_dir() else []

    @classmethod
    def new(cls, plan: Plan, cache: Path) -> "Worker":
        """Make a clone at the plan's baseline, with its data.

        Raises:
            VerdictError: the clone cannot be made, or the cache lacks some of the baseline's data.
        """
        work = plan.root / HOME / "workers"
        work.mkdir(parents=True, exist_ok=True)
        worker = cls(Path(mkdtemp(dir=work)))
        try:
            worker._set_up(plan, cache)
        except BaseException:
            worker.remove()
            raise
        return worker

    def _set_up(self, plan: Plan, cache: Path) -> None:
        # Without the user's template: DVC commits by a library that would run its hooks, whatever core.hooksPath says.
        options = ("--quiet", "--local", "--no-checkout", "--no-tags", "--template=")
        git(plan.root, "clone", *options, str(toplevel(plan.root)), str(self.clone))
        for key in ("user.name", "user.email"):
            if value := git(plan.root, "config", "--default", "", "--get", key).strip():
                self._git("config", key, value)
        self._reset(plan.baseline)
        project = self.clone / project_prefix(plan.root)
        if (settings := plan.root / ".dvc/config.local").is_file():
            shutil.copy2(settings, project / ".dvc")
        copy_pretrained(plan.root, project)
        share_cache(project, cache)
        try:
            dvc(project, "checkout", "--force", variables=self._variables)
        except VerdictError as error:
            what = f"the cache lacks data of {plan.baseline[:7]}: {error.what}"
            remedy = "make repro, or dvc fetch where a remote has the data"
            raise VerdictError("dvc checkout", what, remedy) from None

    def run(self, plan: Plan, point: Point, log: Path) -> None:
        """Run one experiment, with DVC's output in `log`.

        It runs in a new process group, so that only the sweep gets a Ctrl-C of the terminal.
        """
        self._reset(plan.baseline)
        write_text(self.folder / "point", point.name)
        # A folder for each point: points that differ in nothing that training reads would share one file.
        states = plan.root / checkpoints.FOLDER / point.name
        overrides = [part for text in point.texts for part in ("-S", text)]
        with log.open("w", encoding="utf-8") as output:
            code = subprocess.run(
                dvc_command("exp", "run", "--name", point.name, *overrides),
                check=False,
                cwd=self.clone / project_prefix(plan.root),
                env=child_environment({**self._variables, checkpoints.VARIABLE: str(states)}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            ).returncode
        if code == 0:
            shutil.rmtree(states, ignore_errors=True)

    def hand_over(self, root: Path) -> None:
        """Fetch the experiments of the clone into the repository; one that is there already stays."""
        for ref in self._experiments():
            commit = self._git("rev-parse", ref).strip()
            if not commit_of(root, ref):
                options = ("--quiet", "--no-tags", "--no-write-fetch-head")
                git(root, "-c", "gc.auto=0", "fetch", *options, str(self.clone), ref)
                git(root, "update-ref", ref, commit, _NO_COMMIT)

    def remove(self) -> None:
        """End the processes of the folder, and remove it."""
        processes.stop([self.folder])
        shutil.rmtree(self.folder, ignore_errors=True)

    def _experiments(self) -> list[str]:
        if not (self.clone / ".git").is_dir():  # killed before the clone was made
            return []
        return [ref for ref in self._git("for-each-ref", "--format=%(refname)").split() if _EXPERIMENT.fullmatch(ref)]

    def _reset(self, baseline: str) -> None:
        self._git("checkout", "--quiet", "--force", "--detach", baseline)
        self._git("clean", "--quiet", "--force", "-d")

    def _git(self, *arguments: str) -> str:
        """Run git in the clone. Without these options, git in a broken clone would use the repository around it."""
        places = (f"--git-dir={self.clone / '.git'}", f"--work-tree={self.clone}")
        return git(self.clone, *places, *arguments)

    @property
    def _variables(self) -> dict[str, str]:
        return {
            "DVC_SITE_CACHE_DIR": str(self.folder / "site"),
            "DVC_EXP_AUTO_PUSH": "false",  # it would push into the repository that this is a clone of
            processes.MARK: str(self.folder),
        }


def commit_of(root: Path, ref: str) -> str:
    """The commit of a ref; empty if there is no such ref."""
    return git(root, "for-each-ref", "--format=%(objectname)", ref).strip()
