"""One release against another by main's policy: has it lost measurably on the rows that people approved."""

from pathlib import Path

from verdict.repo.revisions import Store, resolve
from verdict.review.compare import compare, compare_on_shared
from verdict.review.evidence import Evidence
from verdict.review.gate import Review, settings_of
from verdict.review.policy import policy_of
from verdict.review.rules.model import Rule, worse
from verdict.review.testset import test_rows


def release_rules(root: Path, base: str, candidate: str) -> list[Rule]:
    """What the gate asks of a change in `fail_on_worse`, asked of two revisions by the policy of HEAD.

    Rules on data are not asked again: a person may have approved what came in between.

    Raises:
        VerdictError: the results of one are neither in the cache nor on the remote, or there are no rows to ask.
    """
    with Store(root) as store:
        main, old, new = (Evidence(store, resolve(root, name)) for name in ("HEAD", base, candidate))
        policy = policy_of(main.revision)
        predictions, plan, rows = new.verified_predictions()[0], settings_of(main, policy), test_rows(old, new)
        comparison = compare(old, new, predictions, plan, rows)
        shared = compare_on_shared(old, new, predictions, plan, rows)
    result = Review(old.revision, new.revision, comparison=comparison, shared=shared)
    groups = [group.name for group in comparison.groups]
    return list(worse(policy, result.lines, main.headline, groups, comparison.unchanged))
