"""What became of a run, read off act's log in JSON."""

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
    """A run that is over.

    Jobs are called by id; `build (a, 1)` is one of a matrix and `build` all of them; `call / inner` is a job
    of the workflow that the job `call` calls. A job that act left out was skipped.
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
        """Whether some job ran, and none went wrong."""
        results = set(self.jobs.values())
        return "success" in results and not results & {"failure", "cancelled"}

    @property
    def conclusion(self) -> str:
        """What GitHub calls the run."""
        return next((word for word in _WORST if word in self.jobs.values()), "skipped")

    def save(self, path: Path) -> None:
        """Keep it for another process."""
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
    """A run that was saved."""
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
    """The outcome of a run with such a log."""
    messages = list(_messages(log))
    started: dict[str, _Job] = {}
    for message in messages:
        if "jobID" in message:
            _take(started.setdefault(_name(workflow, message), _Job()), message)
            if message.get("matrix") and "jobResult" in message:
                # To act the jobs of a matrix are one, and the first failure is everybody's.
                one = started[_name(workflow, message)]
                one.result = "failure" if one.failed - one.soft else "success"
    results: dict[str, str] = {}
    steps: dict[str, dict[str, str]] = {}
    for job, (owner, own) in _declared(workflow).items():
        found = {name: one for name, one in started.items() if name == job or name.startswith(f"{job} (")}
        for name, one in found.items():
            results[name] = one.result
            steps[name] = {step.name: one.steps.get(step.key, "skipped") for step in owner.steps(own)}
        results[job] = _worst([one.result for one in found.values()])
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
            found = json.loads(line)
        except ValueError:
            found = None
        yield found if isinstance(found, dict) else {"msg": line}


def _declared(workflow: Workflow, prefix: str = "") -> dict[str, tuple[Workflow, str]]:
    """Every job that has steps, with the file that has it and its id there."""
    found: dict[str, tuple[Workflow, str]] = {}
    for job in workflow.jobs:
        called = workflow.called(job)
        found |= _declared(called, f"{prefix}{job} / ") if called else {f"{prefix}{job}": (workflow, job)}
    return found


def _name(workflow: Workflow, message: Json) -> str:
    """The name of the job that speaks; act writes the called workflow's and the calling job's names before its own."""
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
