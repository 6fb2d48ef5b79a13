"""The rule `lock`: dvc.lock is true of the tree."""

from pathlib import Path

from verdict.repo.lock.check import check
from verdict.repo.lock.finding import Finding
from verdict.repo.revisions import Revision, Store, checked_out
from verdict.review.params import Gate
from verdict.review.rules.rule import Rule
from verdict.review.words import counted


def rule(store: Store, candidate: Revision, policy: Gate) -> tuple[list[Finding], Rule]:
    """Check dvc.lock against the tree; return all findings and the rule."""
    requirement = "dvc.lock is consistent with the tree" + (", and every entry ran" if policy.lock == "ran" else "")
    if policy.lock == "ignore":
        return [], Rule("lock", requirement, True, "not asked by the policy")
    with checked_out(candidate) as folder:
        repo = None if candidate.commit else store.repo
        findings = check(folder, policy.lock == "ran", repo, Path(store.repo.stage_cache.cache_dir))
    if not findings:
        return [], Rule("lock", requirement, True, "consistent")
    first = findings[0]
    summary = f"{counted(len(findings), 'finding')}, the first: {first.stage}: {first.where}: {first.what}"
    return findings, Rule("lock", requirement, False, summary, first.mend, brief=f"{first.stage}: {first.where}")
