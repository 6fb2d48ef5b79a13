"""The report's line that compares the change with the release on the stage production. No rule depends on it."""

import traceback

from verdict.base.errors import VerdictError
from verdict.base.paths import ARTIFACT, PREDICTIONS, TEST
from verdict.classifier.params.metric_names import OVERALL
from verdict.repo.git import run_git
from verdict.repo.refs import OnStage, on_stage, version_name
from verdict.repo.revisions import Revision, Store
from verdict.review.compare import BETTER, WORSE, compare
from verdict.review.evidence import Evidence
from verdict.review.gate import Review, settings_of
from verdict.review.policy import policy_of
from verdict.review.testset import test_rows
from verdict.review.words import interval, title

STAGE = "production"
_RESULTS = (TEST, ARTIFACT, PREDICTIONS[0])


def fetch_production(store: Store, base: Revision) -> None:
    """Fetch the serving release's results, as far as the remote has them: the line itself is computed offline."""
    served = on_stage(base.root, STAGE)
    if served is None:
        return
    try:
        revision = _revision(base, served)
        for path in _RESULTS:
            _ = store.folder(revision, path) if revision.hash_of(path).endswith(".dir") else store.file(revision, path)
    except VerdictError as error:
        print(f"no comparison with {served.name}: {error.where}: {error.what}")


def against_production(review: Review, base: Evidence | None, candidate: Evidence) -> str:
    """Compare the change with the serving release, by the tags of this clone; empty where they name none."""
    served = on_stage(base.revision.root, STAGE) if base and review.comparison else None
    if base is None or served is None or served.name == base.revision.name:
        return ""
    text = f"against {served.name}: {_difference(served, base, candidate)}"
    if served.version and served.version < served.newest and served.commit != base.revision.commit:
        newer = f"{version_name(served.version)} serves, {version_name(served.newest)} is the newest release"
        text += f"; {base.revision.name} is ahead of {STAGE}: {newer}"
    return text


def _difference(served: OnStage, base: Evidence, candidate: Evidence) -> str:
    """The difference of the headline metric with its word, or the reason why there is none."""
    try:
        with Store(base.revision.root, offline="a report") as store:
            return _line(Evidence(store, _revision(base.revision, served)), base, candidate)
    except VerdictError as error:
        return f"not compared, {error.where}: {error.what}"
    except Exception as error:  # an error in this line must not prevent the report
        traceback.print_exc()
        return f"not compared, {type(error).__name__}: {error}"


def _line(serving: Evidence, base: Evidence, candidate: Evidence) -> str:
    comparison = compare(serving, candidate, settings_of(base, policy_of(base.revision)), test_rows(base, candidate))
    if comparison.unchanged:
        return "every prediction is the same"
    line = comparison.difference(OVERALL)
    word = f"{line.verdict} by" if line.verdict in (BETTER, WORSE) else f"{line.verdict},"
    return f"{word} {interval(line)}, overall {title(line.metric)}"


def _revision(base: Revision, served: OnStage) -> Revision:
    """The serving revision; it must be in the base's history, since other commits have not been judged."""
    if run_git(base.root, "merge-base", "--is-ancestor", served.commit, str(base.commit)).returncode:
        where = f"commit {served.commit[:10]}"
        raise VerdictError(where, f"is not in the history of {base.name} here", "git fetch origin")
    return Revision(base.root, served.name, served.commit)
