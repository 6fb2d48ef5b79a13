"""`verdict sweep run`: run the points of a spec file as experiments, several at a time, none of them twice."""

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
from verdict.experiments.sweep import processes
from verdict.experiments.sweep.outcome import reason_of_failure, score_text, was_interrupted
from verdict.experiments.sweep.plan import Plan, Point
from verdict.experiments.sweep.worker import HOME, Worker, commit_of
from verdict.repo.dvc import cache_folder
from verdict.repo.git import git


@dataclass(frozen=True)
class Outcome:
    """The end of a point: the experiment's commit, or no commit and the reason."""

    point: Point
    commit: str
    note: str = ""


def run(plan: Plan, names: list[str], jobs: int, retry: bool) -> int:
    """Run the points without a result, and print a line for each point.

    Args:
        plan: the points.
        names: names of the points to run; empty for all.
        jobs: number of points to run at a time.
        retry: whether to run points again that failed in an earlier sweep.

    Returns:
        0 when each of these points has a result, else 1.

    Raises:
        VerdictError: tracked files have changes, another sweep runs here, the baseline's data are missing, or an
            experiment has a point's name but other params.
    """
    points = plan.only(names)
    _refuse_changes(plan)
    with _lock(plan.root):
        outcomes = Sweep(plan, points, retry).run(jobs)
    failed = [outcome for outcome in outcomes if not outcome.commit]
    print(f"{len(outcomes) - len(failed)} of {len(outcomes)} points have a result; see them with: dvc exp show")
    for outcome in failed:
        print(f"failed: {outcome.point.name}: {log_of(plan.root, outcome.point.name).relative_to(plan.root)}")
    return 1 if failed else 0


class Sweep:
    """One run of a plan: its workers and the outcomes of its points."""

    def __init__(self, plan: Plan, points: list[Point], retry: bool) -> None:
        self.plan, self.points, self.retry = plan, points, retry
        self._idle: list[Worker] = []
        self._workers: list[Worker] = []
        self._others: set[Path] = set()  # folders of workers that run points of another spec file
        self._lock = Lock()  # for the lists above and the repository's refs
        self._stopped = Event()
        self._trouble: VerdictError | OSError | None = None
        self._cache = Path()
        self._shown = 0

    def run(self, jobs: int) -> list[Outcome]:
        """Run the points without a result, and return the outcomes in the order in which they were known."""
        running = self._take_over()
        outcomes = list(self._known(set(running)))
        settled = {outcome.point.name for outcome in outcomes}
        pending = [point for point in self.points if point.name not in settled]
        self._cache = cache_folder(self.plan.root) if pending else Path()
        print(f"{self.plan.spec}: {len(self.points)} points, {len(pending)} to run, {jobs} at a time")
        bar: tqdm[Any] = tqdm(total=len(self.points), unit="point", disable=None, leave=False)
        with bar:
            self._show(bar, outcomes)
            pool = ThreadPoolExecutor(jobs)
            futures: list[Future[Outcome]] = []
            try:
                # Points that run already count as jobs, so they come first.
                for point in sorted(pending, key=lambda point: point.name not in running):
                    futures.append(pool.submit(self._run_point, point, running.get(point.name)))
                for future in as_completed(futures):
                    outcomes.append(future.result())
                    self._show(bar, outcomes[-1:])
            finally:
                self._close(pool, futures)
        if self._trouble:
            raise self._trouble
        return outcomes

    def _take_over(self) -> dict[str, Worker]:
        """Take over the experiments of an earlier sweep; return its workers that still run our points, by name."""
        names = {point.name for point in self.points}
        running = {}
        for worker in Worker.leftover(self.plan.root):
            name = processes.experiment_of(worker.folder)
            if name is None:
                self._settle(worker)
            elif name in names:
                running[name] = worker
                self._workers.append(worker)
            else:
                self._others.add(worker.folder)
                print(f"an earlier sweep of another spec file is still running {name}: left alone")
        return running

    def _settle(self, worker: Worker) -> None:
        """Take over the experiments of a worker that has ended, or the reason why its last one failed."""
        try:
            worker.hand_over(self.plan.root)
        except VerdictError as error:  # killed while it was made, or damaged by a power cut
            print(f"{worker.folder.relative_to(self.plan.root)}: unusable, removed: {error.what}")
        name = worker.point
        worker.remove()
        log = log_of(self.plan.root, name)
        failed = log.is_file() and not was_interrupted(log) and not commit_of(self.plan.root, self.plan.ref(name))
        if failed and name in {point.name for point in self.points}:
            write_text(_failure(self.plan.root, name), reason_of_failure(log) + "\n")

    def _known(self, running: set[str]) -> Iterator[Outcome]:
        """The outcomes of points that need no run: they have an experiment, or failed before."""
        for point in self.points:
            failure = _failure(self.plan.root, point.name)
            if commit := commit_of(self.plan.root, self.plan.ref(point.name)):
                self.plan.require_same(point.name, commit)
                yield Outcome(point, commit, "had a result")
            elif failure.is_file() and not self.retry and point.name not in running:
                reason = failure.read_text(encoding="utf-8").strip()
                yield Outcome(point, "", f"failed before: {reason}; --retry runs it again")

    def _run_point(self, point: Point, worker: Worker | None) -> Outcome:
        """Run a point. After trouble that concerns all points, no more are started, and running ones may end."""
        if self._trouble and not worker:
            return Outcome(point, "", "not run")
        try:
            return self._outcome_of(point, worker)
        except (VerdictError, OSError) as error:
            self._trouble = self._trouble or error
            return Outcome(point, "", f"not run: {error.what if isinstance(error, VerdictError) else error}")

    def _outcome_of(self, point: Point, worker: Worker | None) -> Outcome:
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
        reason = self._note_failure(log, failure)
        self._require_running()
        worker.remove()
        return Outcome(point, "", f"failed: {reason}")

    def _note_failure(self, log: Path, failure: Path) -> str:
        """Return the reason, and note it unless the run was interrupted: the point would fail again."""
        if was_interrupted(log):
            return f"{reason_of_failure(log)}; the next sweep runs it again"
        write_text(failure, reason_of_failure(log) + "\n")
        return reason_of_failure(log)

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
        """End runs that an interruption left, and remove the workers' folders."""
        self._stopped.set()
        pool.shutdown(wait=False, cancel_futures=True)
        while not all(future.done() for future in futures):  # one may be starting a run just now
            processes.stop(
                [worker.folder for worker in Worker.leftover(self.plan.root) if worker.folder not in self._others]
            )
            time.sleep(0.1)
        for worker in self._workers:
            worker.remove()

    def _show(self, bar: "tqdm[Any]", outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            bar.update()
            self._shown += 1
            bar.write(f"[{self._shown}/{len(self.points)}] {outcome.point.name}  {self._result_text(outcome)}")

    def _result_text(self, outcome: Outcome) -> str:
        score = score_text(self.plan.root, outcome.commit) if outcome.commit else ""
        return "  ".join(filter(None, (score, outcome.note)))


def log_of(root: Path, name: str) -> Path:
    """The file with the output of an experiment's last run."""
    return root / HOME / "logs" / f"{name}.log"


def _failure(root: Path, name: str) -> Path:
    return root / HOME / "failed" / name


def _refuse_changes(plan: Plan) -> None:
    """Refuse uncommitted changes: experiments start from the commit, and would not include them."""
    lines = git(plan.root, "status", "--porcelain", "--untracked-files=no", "--", ".", ":!sweeps").splitlines()
    if lines:
        what = f"changed, and not committed: {', '.join(line[3:] for line in lines[:5])}{' …' * (len(lines) > 5)}"
        raise VerdictError("working tree", what, "git commit, or git stash: a sweep tries HEAD and nothing else")


def _lock(root: Path) -> BaseFileLock:
    """Lock the clone for this sweep. The system releases the lock when the process ends, however it ends."""
    path = root / HOME / "lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(path)
        lock.acquire(blocking=False)
        return lock
    except Timeout:
        raise VerdictError(str(path), "another sweep runs in this clone", "wait for it, or stop it") from None
