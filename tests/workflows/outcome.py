"""The outcome of a run, read from act's JSON log."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.workflows.workflow import Workflow

Json = dict[str, Any]
# Of several jobs with one id (a matrix, a called workflow) the worst counts, as `needs.<id>.result` has it.
_WORST = ("failure", "cancelled", "success", "skipped")


@dataclass(frozen=True)
class Outcome:
    """A finished run.

    Jobs are named by id; `build (a, 1)` is one of a matrix and `build` all of them; `call / inner` is a job
    of the workflow that the job `call` calls. A job that is not in the log was skipped.
    """

    jobs: Mapping[str, str]
    steps: Mapping[str, Mapping[str, str]]  # job, then name (or id, or uses, or first line) of the step
    outputs: Mapping[str, Mapping[str, Mapping[str, str]]]  # job, then id of the step, then name
    summaries: Mapping[str, str]  # what the steps of a job wrote to GITHUB_STEP_SUMMARY
    logs: Mapping[str, str]  # what the steps of a job printed
    log: str
    seconds: float
    run_id: int
    code: int

    @property
    def succeeded(self) -> bool:
        """Return whether some job ran, and none failed."""
        results = set(self.jobs.values())
        return "success" in results and not results & {"failure", "cancelled"}

    @property
    def conclusion(self) -> str:
        """The run's conclusion, as GitHub computes it."""
        return next((word for word in _WORST if word in self.jobs.values()), "skipped")

    def save(self, path: Path) -> None:
        """Save the outcome for another process."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @property
    def job_list(self) -> list[Json]:
        """The jobs as `github.run` takes them."""
        return [
            {
                "name": job,
                "conclusion": self.jobs[job],
                "log": self.logs.get(job, ""),
                "steps": [{"name": name, "conclusion": result} for name, result in steps.items()],
            }
            for job, steps in self.steps.items()
        ]


def load(path: Path) -> Outcome:
    """Load a saved outcome."""
    return Outcome(**json.loads(path.read_text(encoding="utf-8")))


@dataclass
class _Job:
    result: str = "cancelled"  # unless the log says otherwise
    failed: set[str] = field(default_factory=set)
    soft: set[str] = field(default_factory=set)
    steps: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    summary: str = ""
    log: str = ""


def read(workflow: Workflow, log: str, seconds: float, run_id: int, code: int) -> Outcome:
    """Read the outcome of a run from its log."""
    messages = list(_messages(log))
    started: dict[str, _Job] = {}
    for message in messages:
        if "jobID" in message:
            _take(started.setdefault(_name(workflow, message), _Job()), message)
            if message.get("matrix") and "jobResult" in message:
                # act gives all jobs of a matrix the result of the first failure.
                of_matrix = started[_name(workflow, message)]
                of_matrix.result = "failure" if of_matrix.failed - of_matrix.soft else "success"
    results: dict[str, str] = {}
    steps: dict[str, dict[str, str]] = {}
    for job, (file, job_id) in _declared(workflow).items():
        runs = {name: run for name, run in started.items() if name == job or name.startswith(f"{job} (")}
        for name, run in runs.items():
            results[name] = run.result
            steps[name] = {step.name: run.steps.get(step.key, "skipped") for step in file.steps(job_id)}
        results[job] = _worst([run.result for run in runs.values()])
    for job in workflow.jobs:
        if workflow.called(job):
            results[job] = _worst([value for name, value in results.items() if name.startswith(f"{job} / ")])
    text = "".join(_line(message) for message in messages)
    outputs = {name: dict(job.outputs) for name, job in started.items()}
    summaries = {name: job.summary for name, job in started.items()}
    logs = {name: job.log for name, job in started.items()}
    return Outcome(results, steps, outputs, summaries, logs, text, seconds, run_id, code)


def _messages(log: str) -> Iterator[Json]:
    for line in log.splitlines():
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        yield message if isinstance(message, dict) else {"msg": line}


def _declared(workflow: Workflow, prefix: str = "") -> dict[str, tuple[Workflow, str]]:
    """Every job that has steps, with its file and its id there."""
    jobs: dict[str, tuple[Workflow, str]] = {}
    for job in workflow.jobs:
        called = workflow.called(job)
        jobs |= _declared(called, f"{prefix}{job} / ") if called else {f"{prefix}{job}": (workflow, job)}
    return jobs


def _name(workflow: Workflow, message: Json) -> str:
    """The name of a message's job; act puts the names of the called workflow and the calling job before it."""
    job, matrix = str(message["jobID"]), message.get("matrix") or {}
    values = f" ({', '.join(map(str, matrix.values()))})" if matrix else ""
    full = str(message["job"])
    for caller in workflow.jobs:
        called = workflow.called(caller)
        title = str(workflow.jobs[caller].get("name", caller))
        if called and job in called.jobs and (job not in workflow.jobs or full.startswith(f"{title}/")):
            several = sum(1 for other in workflow.jobs if workflow.called(other))
            if several == 1 or full.startswith(f"{title}/"):
                return f"{caller} / {job}{values}"
    return f"{job}{values}"


def _take(job: _Job, message: Json) -> None:
    if "jobResult" in message:
        job.result = message["jobResult"]
    if message.get("raw_output"):
        job.log += message["msg"]
    key = message.get("stepID") or [""]
    if message["msg"] == "Failed but continue next step":
        job.soft.add(key[0])
    if message.get("stepResult") == "failure" and len(key) == 1:
        job.failed.add(key[0])
    if message.get("stage") == "Main" and "stepResult" in message and len(key) == 1:
        job.steps[key[0]] = message["stepResult"]
    if message.get("command") == "set-output" and len(key) == 1:
        job.outputs[key[0]][message["name"]] = message["arg"]
    if message.get("command") == "summary":
        job.summary += message["content"]


def _worst(results: list[str]) -> str:
    return next((word for word in _WORST if word in results), "skipped")


def _line(message: Json) -> str:
    text = str(message.get("msg", ""))
    return f"[{str(message.get('job', 'act')).strip()}] {text}" + ("" if text.endswith("\n") else "\n")
