"""Compare two releases by main's policy: the candidate must not be measurably worse on the approved test rows."""

from pathlib import Path

from verdict.repo.revisions import Store, resolve
from verdict.review.compare import compare, compare_on_shared
from verdict.review.evidence import Evidence
from verdict.review.gate import Review, settings_of
from verdict.review.policy import policy_of
from verdict.review.rules.model_rules import worse
from verdict.review.rules.rule import Rule
from verdict.review.testset import test_rows


def release_rules(root: Path, base: str, candidate: str) -> list[Rule]:
    """Apply the rules of `fail_on_worse` to two revisions, by the policy of HEAD.

    The rules on data are left out: a person may have approved the changes between the two.

    Raises:
        VerdictError: the results of one are neither in the cache nor on the remote, or no test row is approved.
    """
    with Store(root) as store:
        main, old, new = (Evidence(store, resolve(root, name)) for name in ("HEAD", base, candidate))
        policy = policy_of(main.revision)
        new.verify()
        settings, rows = settings_of(main, policy), test_rows(old, new)
        comparison = compare(old, new, settings, rows)
        shared = compare_on_shared(old, new, settings, rows)
    review = Review(old.revision, new.revision, comparison=comparison, shared=shared)
    groups = [group.name for group in comparison.groups]
    return list(worse(policy, review.differences, main.headline, groups, comparison.unchanged))
