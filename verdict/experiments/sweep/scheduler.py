"""`verdict sweep run`: every point of a spec file becomes an experiment, some at a time, none of them twice."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock
from typing import Any

from filelock import BaseFileLock, FileLock, Timeout
from tqdm import tqdm

from verdict.base.errors import VerdictError
from verdict.base.files import write_text
from verdict.experiments.sweep import outcome as told
from verdict.experiments.sweep import processes
from verdict.experiments.sweep.plan import Plan, Point
from verdict.experiments.sweep.worker import HOME, Worker, commit_of
from verdict.repo.dvc import cache_folder
from verdict.repo.git import git


@dataclass(frozen=True)
class Outcome:
    """How a point ended: with an experiment's commit, or without one and for what reason."""

    point: Point
    commit: str
    note: str = ""


def run(plan: Plan, names: list[str], jobs: int, retry: bool) -> int:
    """Run what has no result yet, and print a line for each point.

    Args:
        plan: the points.
        names: of the points to run; all, where none is given.
        jobs: how many at a time.
        retry: run also what failed in an earlier sweep.

    Returns:
        0 when every point asked for has a result, else 1.

    Raises:
        VerdictError: files that git tracks have changes, another sweep runs here, the baseline's data are missing, or
            an experiment has a point's name and other params.
    """
    points = plan.only(names)
    _refuse_changes(plan)
    with _alone(plan.root):
        outcomes = Sweep(plan, points, retry).run(jobs)
    failed = [outcome for outcome in outcomes if not outcome.commit]
    print(f"{len(outcomes) - len(failed)} of {len(outcomes)} points have a result; see them with: dvc exp show")
    for outcome in failed:
        print(f"failed: {outcome.point.name}: {log_of(plan.root, outcome.point.name).relative_to(plan.root)}")
    return 1 if failed else 0


class Sweep:
    """One run of a plan: its workers, and what came of its points."""

    def __init__(self, plan: Plan, points: list[Point], retry: bool) -> None:
        self.plan, self.points, self.retry = plan, points, retry
        self._idle: list[Worker] = []
        self._workers: list[Worker] = []
        self._others: set[Path] = set()  # folders of workers that run something for another spec file
        self._lock = Lock()  # of the lists above, and of the repository's refs
        self._stopped = Event()
        self._trouble: VerdictError | OSError | None = None
        self._cache = Path()
        self._shown = 0

    def run(self, jobs: int) -> list[Outcome]:
        """Run what is left to run, and return the outcomes in the order in which they were seen."""
        living = self._inherited()
        outcomes = list(self._known(set(living)))
        settled = {outcome.point.name for outcome in outcomes}
        left = [point for point in self.points if point.name not in settled]
        self._cache = cache_folder(self.plan.root) if left else Path()
        print(f"{self.plan.spec}: {len(self.points)} points, {len(left)} to run, {jobs} at a time")
        bar: tqdm[Any] = tqdm(total=len(self.points), unit="point", disable=None, leave=False)
        with bar:
            self._show(bar, outcomes)
            pool = ThreadPoolExecutor(jobs)
            futures: list[Future[Outcome]] = []
            try:
                # What runs already takes its place among the jobs before anything is started.
                for point in sorted(left, key=lambda point: point.name not in living):
                    futures.append(pool.submit(self._one, point, living.get(point.name)))
                for future in as_completed(futures):
                    outcomes.append(future.result())
                    self._show(bar, outcomes[-1:])
            finally:
                self._close(pool, futures)
        if self._trouble:
            raise self._trouble
        return outcomes

    def _inherited(self) -> dict[str, Worker]:
        """Take over what an earlier sweep left: its experiments, and by name its workers that still run one of ours."""
        names = {point.name for point in self.points}
        living = {}
        for worker in Worker.found(self.plan.root):
            name = processes.experiment_of(worker.folder)
            if name is None:
                self._settle(worker)
            elif name in names:
                living[name] = worker
                self._workers.append(worker)
            else:
                self._others.add(worker.folder)
                print(f"an earlier sweep of another spec file is still running {name}: left alone")
        return living

    def _settle(self, worker: Worker) -> None:
        """Take what a worker that has ended left: its experiments, or why its last one failed, while nobody looked."""
        try:
            worker.hand_over(self.plan.root)
        except VerdictError as error:  # killed while it was made, or damaged by a power cut
            print(f"{worker.folder.relative_to(self.plan.root)}: unusable, removed: {error.what}")
        point = worker.point
        worker.remove()
        log = log_of(self.plan.root, point)
        failed = log.is_file() and not told.was_interrupted(log) and not commit_of(self.plan.root, self.plan.ref(point))
        if failed and point in {one.name for one in self.points}:
            write_text(_failure(self.plan.root, point), told.reason(log) + "\n")

    def _known(self, living: set[str]) -> Iterator[Outcome]:
        """The points that need no run: they have an experiment, or failed before."""
        for point in self.points:
            failure = _failure(self.plan.root, point.name)
            if commit := commit_of(self.plan.root, self.plan.ref(point.name)):
                self.plan.require_same(point.name, commit)
                yield Outcome(point, commit, "had a result")
            elif failure.is_file() and not self.retry and point.name not in living:
                said = failure.read_text(encoding="utf-8").strip()
                yield Outcome(point, "", f"failed before: {said}; --retry runs it again")

    def _one(self, point: Point, worker: Worker | None) -> Outcome:
        """Run a point; after trouble that is not a point's own, no more are begun, and what runs may end."""
        if self._trouble and not worker:
            return Outcome(point, "", "not run")
        try:
            return self._result_of(point, worker)
        except (VerdictError, OSError) as error:
            self._trouble = self._trouble or error
            return Outcome(point, "", f"not run: {error.what if isinstance(error, VerdictError) else error}")

    def _result_of(self, point: Point, worker: Worker | None) -> Outcome:
        """Run a point, or wait for the worker that runs it already."""
        log, failure = log_of(self.plan.root, point.name), _failure(self.plan.root, point.name)
        log.parent.mkdir(parents=True, exist_ok=True)
        failure.unlink(missing_ok=True)
        begin = time.monotonic()
        if worker:
            self._wait_for(worker, point.name)
        else:
            worker = self._free_worker()
            self._require_running()
            worker.run(self.plan, point, log)
        with self._lock:
            worker.hand_over(self.plan.root)
            commit = commit_of(self.plan.root, self.plan.ref(point.name))
        if commit:
            with self._lock:
                self._idle.append(worker)
            return Outcome(point, commit, f"{time.monotonic() - begin:.0f} s")
        why = self._failed(log, failure)
        self._require_running()
        worker.remove()
        return Outcome(point, "", f"failed: {why}")

    def _failed(self, log: Path, failure: Path) -> str:
        """Why, and note it: what failed by itself would fail again."""
        if told.was_interrupted(log):
            return f"{told.reason(log)}; the next sweep runs it again"
        write_text(failure, told.reason(log) + "\n")
        return told.reason(log)

    def _wait_for(self, worker: Worker, name: str) -> None:
        while processes.experiment_of(worker.folder) == name:
            self._require_running()
            time.sleep(0.5)

    def _free_worker(self) -> Worker:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        self._require_running()
        worker = Worker.new(self.plan, self._cache)
        with self._lock:
            self._workers.append(worker)
        return worker

    def _require_running(self) -> None:
        if self._stopped.is_set():
            raise KeyboardInterrupt

    def _close(self, pool: ThreadPoolExecutor, futures: list[Future[Outcome]]) -> None:
        """End what still runs, which is nothing but after an interruption, and remove the workers' folders."""
        self._stopped.set()
        pool.shutdown(wait=False, cancel_futures=True)
        while not all(future.done() for future in futures):  # one may have been about to start something
            processes.stop(
                [worker.folder for worker in Worker.found(self.plan.root) if worker.folder not in self._others]
            )
            time.sleep(0.1)
        for worker in self._workers:
            worker.remove()

    def _show(self, bar: "tqdm[Any]", outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            bar.update()
            self._shown += 1
            bar.write(f"[{self._shown}/{len(self.points)}] {outcome.point.name}  {self._result(outcome)}")

    def _result(self, outcome: Outcome) -> str:
        score = told.score_text(self.plan.root, outcome.commit) if outcome.commit else ""
        return "  ".join(filter(None, (score, outcome.note)))


def log_of(root: Path, name: str) -> Path:
    """Where the output of an experiment's last run is kept."""
    return root / HOME / "logs" / f"{name}.log"


def _failure(root: Path, name: str) -> Path:
    return root / HOME / "failed" / name


def _refuse_changes(plan: Plan) -> None:
    """Experiments are of a commit: what is changed and not committed would seem to be tried, and is not."""
    lines = git(plan.root, "status", "--porcelain", "--untracked-files=no", "--", ".", ":!sweeps").splitlines()
    if lines:
        what = f"changed, and not committed: {', '.join(line[3:] for line in lines[:5])}{' …' * (len(lines) > 5)}"
        raise VerdictError("working tree", what, "git commit, or git stash: a sweep tries HEAD and nothing else")


def _alone(root: Path) -> BaseFileLock:
    """One sweep at a time in a clone; the lock is the system's, and goes with the process, however that ends."""
    path = root / HOME / "lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(path)
        lock.acquire(blocking=False)
        return lock
    except Timeout:
        raise VerdictError(str(path), "another sweep runs in this clone", "wait for it, or stop it") from None
