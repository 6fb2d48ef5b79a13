"""The whole judgement: what the run handed over, scored by main's code against main, rule by rule."""

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
from verdict.base.paths import ARTIFACT, DATASET, EVALUATION, GENERATED, PREDICTIONS, VALIDATION
from verdict.ci import lock_diff
from verdict.ci.github.pull_request import REPRODUCE, Pull
from verdict.ci.judge import ingest, merge, previews, private, queue, short_reports
from verdict.ci.judge.case import Case
from verdict.ci.judge.unpack import limit, refused, unpack
from verdict.ci.publish import verdict
from verdict.ci.publish.verdict import Verdict
from verdict.ci.run import bundle
from verdict.repo import repro
from verdict.repo.lock.check import LOCK, check
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
    """Judge what the run handed over; where it handed over no result, say why."""
    with tempfile.TemporaryDirectory(prefix="verdict-") as name:
        folder = Path(name)
        brought = _bundle(case, case.run.id, folder)
        if brought and brought.outcome == bundle.REPRODUCED:
            return _of_results(case, folder)
        if brought is None and (findings := _findings(case)):
            may_label = bool(case.pull and case.pull.same_repository)
            case.tell(short_reports.stale(findings, case.main, case.run.head, may_label))
            return case.verdict(FAIL, f"Fail: {LOCK} is stale ({findings[0].stage}: {findings[0].where})")
        return _of_failure(case, brought, folder)


def _bundle(case: Case, run_id: int, folder: Path) -> bundle.Header | None:
    """Download and unpack what a run handed over; None when it left nothing."""
    most = limit(policy_of(case.main).max_artifact_mb)
    listed = case.github.pages(f"/actions/runs/{run_id}/artifacts", "artifacts")
    found = [item for item in listed if item["name"] == bundle.NAME and not item["expired"]]
    if not found:
        return None
    newest = max(found, key=lambda item: int(item["id"]))  # a run that was started again has several
    if newest["size_in_bytes"] > most:
        raise refused(f"{newest['size_in_bytes'] / 1e6:,.0f} MB; at most {most / 1e6:,.0f} MB are taken")
    with tempfile.TemporaryDirectory(prefix="verdict-") as place:
        archive = Path(place) / "bundle.zip"
        case.github.download(f"/actions/artifacts/{int(newest['id'])}/zip", archive, most)
        return unpack(archive, folder, most)


def _findings(case: Case) -> list[Any]:
    with checked_out(case.committed) as tree:
        return list(check(tree))


def _of_failure(case: Case, brought: bundle.Header | None, folder: Path) -> Verdict:
    """The run failed, and why, as far as can be told."""
    if brought:
        where = f"Stage {brought.stage} failed" if brought.stage else "The run failed"
        reason = brought.reason or ""
    elif case.run.conclusion == "success":
        what = "handed nothing over, though the change touches what the pipeline reads"
        raise VerdictError("the run", what, "does the change edit .github/? Take that into a pull request of its own")
    else:  # the machine's fault, or nobody's: that is no verdict on the change
        where, reason = f"The run ended as {case.run.conclusion}, without a result", ""
    log = folder / bundle.LOG
    text = log.read_text(encoding="utf-8", errors="replace")[-_MOST_LOG:] if log.exists() else _log_of_job(case)
    code = FAIL if brought else CANNOT_JUDGE
    case.tell(short_reports.failed(code, where, reason, log=text, url=case.run.url, sides=(case.main, case.run.head)))
    return case.verdict(code, f"{'Fail' if brought else 'Cannot judge'}: {where[0].lower()}{where[1:]}")


def _log_of_job(case: Case) -> str:
    """What the first job that failed printed, by GitHub."""
    try:
        jobs = case.github.pages(f"/actions/runs/{case.run.id}/jobs", "jobs", filter="latest")
        failed = next((job for job in jobs if job["conclusion"] not in ("success", "skipped", None)), None)
        return case.github.text(f"/actions/jobs/{int(failed['id'])}/logs", _MOST_LOG) if failed else ""
    except VerdictError as error:
        return f"(no log: {error.what})"


def _of_results(case: Case, folder: Path) -> Verdict:
    own = replace(case.committed, commit=merge.with_results(case.merged, folder))
    _keep_record(case.root, folder / bundle.RUNS)
    approvals = case.approvals
    with Store(case.root) as store:
        ingest.add_outputs(store, folder, _OUTPUTS)
        ingest.add_raw_data(store, case.main, own, folder)
        base = _with_results_at_hand(store, case)
        fetch_production(store, base)
        unseen = private.rows()
        _forget_keys()
        sides = Evidence(store, base), Evidence(store, own)
        found = review(store, *sides, approvals)
        if unseen is not None:
            private.judge(found, unseen, *sides)
        same = reproduced_rule(case.committed, own)
        found.rules.insert(0, same)
        found.commands = _commands(case.pull)
        if found.reason and found.reason.where.startswith(ARTIFACT):
            found.reason = VerdictError(found.reason.where, found.reason.what, _UNREADABLE)
        write(found, store, *sides, case.out)
    lock = not same.passed and bool(case.pull and case.pull.same_repository and REPRODUCE in case.pull.labels)
    if lock:
        _keep_lock(folder, case.out / verdict.LOCK_FOLDER)
    if case.pull:
        previews.lay_aside(folder, case.out.with_name(verdict.JUDGED))
    return replace(case.verdict(found.code, found.headline, lock), artifact=case.pull is not None)


def reproduced_rule(committed: Revision, own: Revision) -> Rule:
    """Whether the dvc.lock that the author committed is what running gave; if not, what the figures say."""
    requirement = f"running from main's results gives the committed {LOCK}"
    remedy = "make repro, and commit dvc.lock, metrics/ and plots/; or the label reproduce, and CI commits them"
    try:
        claimed = committed.stages
    except VerdictError as error:
        return Rule("reproduced", requirement, False, error.what, remedy, brief=f"the committed {LOCK} cannot be read")
    lines = lock_diff.differences(claimed, own.stages)
    if not lines:
        return Rule("reproduced", requirement, True, "the same hashes for every stage")
    texts = [side.text(EVALUATION) for side in (committed, own)]
    try:
        figures = lock_diff.changed_metrics(*(json.loads(text or "null") for text in texts))
    except ValueError:
        figures = [f"{EVALUATION} is not JSON"]
    found = f"{len(lines)} differences, the first: {lines[0]}; "
    if figures:
        found += f"{len(figures)} figures differ: {figures[0]}"
    elif str((own.params.get("train") or {}).get("device")).startswith("cuda"):
        found += "reproduced on other hardware, with the same figures to the digits shown"
    else:
        found += "the same figures to the digits shown"
    return Rule("reproduced", requirement, False, found, remedy, brief=f"running gave another {LOCK}")


def _with_results_at_hand(store: Store, case: Case) -> Revision:
    """What the change is compared with, its results in the cache or on the remote; where they are not, main is run.

    What is ahead in the merge queue is never run: its own run handed its results over, as data.
    """
    try:
        _require_results(store, case.main)
    except VerdictError as error:
        if not case.ahead:
            print(f"running main's stages: {error.where}: {error.what}")
            return ingest.reproduce_main(store, case.main)
        _bring_from_ahead(store, case)
    return case.main


def _require_results(store: Store, revision: Revision) -> None:
    kept = [VALIDATION[0]] if VALIDATION[0] in revision.outputs else []
    for path in (*PREPARED.values(), DATASET, PREDICTIONS[0], ARTIFACT, *kept):
        digest = revision.hash_of(path)
        _ = store.folder(revision, path) if digest.endswith(".dir") else store.file(revision, path)


def _bring_from_ahead(store: Store, case: Case) -> None:
    """Put what the runs of the groups ahead handed over into the cache; dvc.lock names by hash what counts of it."""
    for commit in case.ahead:
        run_id = queue.finished_run(case.github, commit)
        with tempfile.TemporaryDirectory(prefix="verdict-") as name:
            if run_id is not None and _bundle(case, run_id, Path(name)):
                ingest.add_outputs(store, Path(name), [*_OUTPUTS, raw_data(case.main).tracked])
    try:
        _require_results(store, case.main)
    except VerdictError as error:
        what = f"{error.what}; nor did the runs of the groups ahead hand it over"
        remedy = f"wait until {case.main.name} is merged or out of the queue, then add this pull request again"
        raise VerdictError(error.where, what, remedy) from None


def _forget_keys() -> None:
    """From here on nothing is asked of anybody: what reads the change's files has no key to give away."""
    keys = ("GITHUB_TOKEN", "KEY", "SECRET", *private.NAMES)
    for name in [name for name in os.environ if name.startswith("AWS_") or name in keys]:
        del os.environ[name]


def _keep_record(root: Path, path: Path) -> None:
    """Put the run's own record of times where the report looks for it, entry by entry, if it is one."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        kept = {str(key): _entry(entry) for key, entry in list(found.items())[:500]}
    except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return  # the report then says that it has none
    write_json(root / repro.RECORD_FILE, kept)


def _entry(entry: dict[str, Any]) -> dict[str, Any]:
    names = ("how", "processor", "cores", "memory", "hardware_class", "stage")
    seconds = entry["seconds"]
    if seconds is not None and not math.isfinite(seconds := float(seconds)):
        raise ValueError("not a time")
    return {"seconds": seconds, **{name: str(entry[name])[:100] for name in names}}


def _keep_lock(folder: Path, target: Path) -> None:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and GENERATED.fullmatch(name):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes(path.read_bytes())


def _commands(pull: Pull | None) -> tuple[str, ...]:
    if pull is None:
        return ()
    return (
        f"git fetch origin refs/pull/{pull.number}/merge && git checkout FETCH_HEAD",
        "make repro",
        f"git fetch origin {shlex.quote(pull.base)} && verdict report --base FETCH_HEAD",
    )
