"""The full review: main's code scores the results in a run's bundle against main's, rule by rule."""

import json
import math
import os
import shlex
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from verdict.base.errors import VerdictError
from verdict.base.files import write_json
from verdict.base.outcome import CANNOT_JUDGE, FAIL
from verdict.base.paths import ARTIFACT, DATASET, EVALUATION, PREDICTIONS, VALIDATION
from verdict.ci import lock_diff
from verdict.ci.github.pull_request import REPRODUCE, Pull
from verdict.ci.judge import ingest, merge, previews, private, queue, short_reports
from verdict.ci.judge.case import Case
from verdict.ci.judge.unpack import download, limit
from verdict.ci.publish import verdict
from verdict.ci.publish.verdict import Verdict
from verdict.ci.run import bundle
from verdict.repo import repro
from verdict.repo.lock.check import check
from verdict.repo.lock.finding import Finding
from verdict.repo.lock.lockfile import LOCK
from verdict.repo.raw_data import raw_data
from verdict.repo.revisions import Revision, Store, checked_out
from verdict.review.data import PREPARED
from verdict.review.evidence import Evidence
from verdict.review.gate import review
from verdict.review.policy import policy_of
from verdict.review.report.document import write
from verdict.review.report.production import fetch_production
from verdict.review.rules.model import Rule

_MOST_LOG = 200_000  # bytes
_OUTPUTS = [ARTIFACT, PREDICTIONS[0], VALIDATION[0], *PREPARED.values(), DATASET]
_UNREADABLE = (
    "main's code must be able to read what it judges: land the code that reads the new artifact first, in a pull"
    " request of its own that leaves the model as it is, then this one"
)


def full_review(case: Case) -> Verdict:
    """Judge the results of the run; if it has none, report why."""
    with tempfile.TemporaryDirectory(prefix="verdict-") as name:
        folder = Path(name)
        header = _download_bundle(case, case.run.id, folder)
        if header and header.outcome == bundle.REPRODUCED:
            return _judge_results(case, folder)
        if header is None and (findings := _lock_findings(case)):
            may_label = bool(case.pull and case.pull.same_repository)
            case.write_report(short_reports.stale(findings, case.main, case.run.head, may_label))
            return case.verdict(FAIL, f"Fail: {LOCK} is stale ({findings[0].stage}: {findings[0].where})")
        return _report_failure(case, header, folder)


def _download_bundle(case: Case, run_id: int, folder: Path) -> bundle.Header | None:
    """Download and unpack the bundle of a run; None if there is none."""
    artifacts = case.github.pages(f"/actions/runs/{run_id}/artifacts", "artifacts")
    bundles = [item for item in artifacts if item["name"] == bundle.NAME and not item["expired"]]
    if not bundles:
        return None
    newest = max(bundles, key=lambda item: int(item["id"]))  # a run that was started again has several
    return download(case.github, newest, folder, limit(policy_of(case.main).max_artifact_mb))


def _lock_findings(case: Case) -> list[Finding]:
    with checked_out(case.committed) as tree:
        return list(check(tree))


def _report_failure(case: Case, header: bundle.Header | None, folder: Path) -> Verdict:
    """Report that the run failed, and the reason if there is one."""
    if header:
        where = f"Stage {header.stage} failed" if header.stage else "The run failed"
        reason = header.reason or ""
    elif case.run.conclusion == "success":
        what = "handed nothing over, though the change touches what the pipeline reads"
        raise VerdictError("the run", what, "does the change edit .github/? Take that into a pull request of its own")
    else:  # perhaps the machine's fault: that is no verdict on the change
        where, reason = f"The run ended as {case.run.conclusion}, without a result", ""
    path = folder / bundle.LOG
    log = path.read_text(encoding="utf-8", errors="replace")[-_MOST_LOG:] if path.exists() else _log_of_job(case)
    code, sides = FAIL if header else CANNOT_JUDGE, (case.main, case.run.head)
    case.write_report(short_reports.failed(code, where, reason, log=log, url=case.run.url, sides=sides))
    return case.verdict(code, f"{'Fail' if header else 'Cannot judge'}: {where[0].lower()}{where[1:]}")


def _log_of_job(case: Case) -> str:
    """Return the end of the log of the first job that failed, from GitHub."""
    try:
        jobs = case.github.pages(f"/actions/runs/{case.run.id}/jobs", "jobs", filter="latest")
        failed = next((job for job in jobs if job["conclusion"] not in ("success", "skipped", None)), None)
        return case.github.tail(f"/actions/jobs/{int(failed['id'])}/logs", _MOST_LOG) if failed else ""
    except VerdictError as error:
        return f"(no log: {error.what})"


def _judge_results(case: Case, folder: Path) -> Verdict:
    candidate = replace(case.committed, commit=merge.with_results(case.merged, folder))
    _save_times(case.root, folder / bundle.RUNS)
    with Store(case.root) as store:
        ingest.add_outputs(store, folder, _OUTPUTS)
        ingest.add_raw_data(store, case.main, candidate, folder)
        base = _base_with_results(store, case)
        fetch_production(store, base)
        private_rows = private.rows()
        _forget_keys()
        sides = Evidence(store, base), Evidence(store, candidate)
        result = review(store, *sides, case.approvals)
        if private_rows is not None:
            private.judge(result, private_rows, *sides)
        reproduced = reproduced_rule(case.committed, candidate)
        result.rules.insert(0, reproduced)
        result.commands = _commands(case.pull)
        if result.reason and result.reason.where.startswith(ARTIFACT):
            result.reason = VerdictError(result.reason.where, result.reason.what, _UNREADABLE)
        write(result, store, *sides, case.out)
    lock = not reproduced.passed and bool(case.pull and case.pull.same_repository and REPRODUCE in case.pull.labels)
    if lock:
        bundle.copy_files(folder, merge.generated_files(folder), case.out / verdict.LOCK_FOLDER)
    if case.pull:
        previews.save_artifact(folder, case.out.with_name(verdict.JUDGED))
    return replace(case.verdict(result.code, result.headline, lock), artifact=case.pull is not None)


def reproduced_rule(committed: Revision, reproduced: Revision) -> Rule:
    """Return the rule that the run gives the committed dvc.lock; if it does not, with the metrics that differ."""
    requirement = f"running from main's results gives the committed {LOCK}"
    remedy = "make repro, and commit dvc.lock, metrics/ and plots/; or the label reproduce, and CI commits them"
    try:
        stages = committed.stages
    except VerdictError as error:
        return Rule("reproduced", requirement, False, error.what, remedy, brief=f"the committed {LOCK} cannot be read")
    lines = lock_diff.differences(stages, reproduced.stages)
    if not lines:
        return Rule("reproduced", requirement, True, "the same hashes for every stage")
    texts = [side.text(EVALUATION) for side in (committed, reproduced)]
    try:
        metrics = lock_diff.changed_metrics(*(json.loads(text or "null") for text in texts))
    except ValueError:
        metrics = [f"{EVALUATION} is not JSON"]
    found = f"{len(lines)} differences, the first: {lines[0]}; "
    if metrics:
        found += f"{len(metrics)} figures differ: {metrics[0]}"
    elif str((reproduced.params.get("train") or {}).get("device")).startswith("cuda"):
        found += "reproduced on other hardware, with the same figures to the digits shown"
    else:
        found += "the same figures to the digits shown"
    return Rule("reproduced", requirement, False, found, remedy, brief=f"running gave another {LOCK}")


def _base_with_results(store: Store, case: Case) -> Revision:
    """Return the base of the comparison, with its results in the cache or on the remote; run main's stages if need be.

    Stages of groups ahead in the merge queue are never run here: their results come from their own runs, as data.
    """
    try:
        _require_results(store, case.main)
    except VerdictError as error:
        if not case.ahead:
            print(f"running main's stages: {error.where}: {error.what}")
            return ingest.run_main_stages(store, case.main)
        _ingest_results_ahead(store, case)
    return case.main


def _require_results(store: Store, revision: Revision) -> None:
    validation = [VALIDATION[0]] if VALIDATION[0] in revision.outputs else []
    for path in (*PREPARED.values(), DATASET, PREDICTIONS[0], ARTIFACT, *validation):
        digest = revision.hash_of(path)
        _ = store.folder(revision, path) if digest.endswith(".dir") else store.file(revision, path)


def _ingest_results_ahead(store: Store, case: Case) -> None:
    """Put the results of the groups ahead into the cache; only those count whose hash is in dvc.lock."""
    for commit in case.ahead:
        run_id = queue.finished_run(case.github, commit)
        with tempfile.TemporaryDirectory(prefix="verdict-") as name:
            if run_id is not None and _download_bundle(case, run_id, Path(name)):
                ingest.add_outputs(store, Path(name), [*_OUTPUTS, raw_data(case.main).tracked])
    try:
        _require_results(store, case.main)
    except VerdictError as error:
        what = f"{error.what}; nor did the runs of the groups ahead hand it over"
        remedy = f"wait until {case.main.name} is merged or out of the queue, then add this pull request again"
        raise VerdictError(error.where, what, remedy) from None


def _forget_keys() -> None:
    """Remove all keys from the environment before code reads the change's files; no request is sent from here on."""
    keys = ("GITHUB_TOKEN", "KEY", "SECRET", *private.NAMES)
    for name in [name for name in os.environ if name.startswith("AWS_") or name in keys]:
        del os.environ[name]


def _save_times(root: Path, path: Path) -> None:
    """Copy the run's record of times to the report's place for it, entry by entry, if the file is one."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        entries = {str(key): _checked_entry(entry) for key, entry in list(record.items())[:500]}
    except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return  # the report then says that it has none
    write_json(root / repro.RECORD_FILE, entries)


def _checked_entry(entry: dict[str, Any]) -> dict[str, Any]:
    names = ("how", "processor", "cores", "memory", "hardware_class", "stage")
    seconds = entry["seconds"]
    if seconds is not None and not math.isfinite(seconds := float(seconds)):
        raise ValueError("not a time")
    return {"seconds": seconds, **{name: str(entry[name])[:100] for name in names}}


def _commands(pull: Pull | None) -> tuple[str, ...]:
    if pull is None:
        return ()
    return (
        f"git fetch origin refs/pull/{pull.number}/merge && git checkout FETCH_HEAD",
        "make repro",
        f"git fetch origin {shlex.quote(pull.base)} && verdict report --base FETCH_HEAD",
    )
