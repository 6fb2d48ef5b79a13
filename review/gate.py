"""May the change pass? Rules, each with its outcome and figures, and one exit code that nobody can talk round.

0 pass, 1 fail, 2 cannot judge. Whatever is missing, contradictory or breaks on the way is 2, and 2 is never a pass.
"""

import traceback
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from classifier.errors import VerdictError
from classifier.params import Gate
from review import CANNOT_JUDGE, FAIL, PASS
from review.bootstrap import OVERALL
from review.compare import BETTER, HEADLINE, SAME, WORSE, Comparison, Difference, Plan, compare, on_shared
from review.evidence import TRUTH, Evidence
from review.figures import Figures, differing, shown
from review.lock import Finding, check
from review.paths import ARTIFACT, EVALUATION
from review.policy import Change, changes, policy_of, watched
from review.revisions import Revision, Store, checked_out
from review.validation import SCORES, Seeds, told_seeds

_ON_SHARED = "; on the sentences that main has, too: "


@dataclass(frozen=True)
class Rule:
    """One rule's outcome: its name, what it asks, what was found, and what to do where it failed."""

    name: str
    asks: str
    passed: bool
    found: str
    remedy: str = ""
    approved: bool = False


@dataclass
class Review:
    """All that was found about a change. What could not be found out is None, and `reason` says why."""

    base: Revision | None
    candidate: Revision
    approvals: Collection[str] = ()
    policy: Gate | None = None
    changes: list[Change] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    figures: Figures = field(default_factory=dict)
    seeds: Seeds | None = None  # where the change tells of several, or the policy asks for them
    comparison: Comparison | None = None
    shared: Comparison | None = None  # on the sentences that main tests on, too, where the test set changed
    seconds_per_1000: float | None = None
    reason: VerdictError | None = None
    commands: tuple[str, ...] = ()  # how to reproduce it, where that is not a checkout of the candidate's commit

    @property
    def code(self) -> int:
        """The exit code."""
        if self.reason is not None or not self.rules:
            return CANNOT_JUDGE
        return PASS if all(rule.passed for rule in self.rules) else FAIL

    @property
    def claim(self) -> str:
        """What became of the model, in words."""
        if self.comparison is None:
            return "first run, judged by floors alone"
        if self.comparison.unchanged:
            return "unchanged, every prediction is main's"
        places = (OVERALL, *self.comparison.domains)
        verdicts = {name: self._word(name) for name in places}
        if set(verdicts.values()) == {SAME}:
            return SAME
        parts = [_in_places(word, [name for name in places if verdicts[name] == word]) for word in (WORSE, BETTER)]
        if verdicts[OVERALL] == SAME:
            parts.insert(0, f"{SAME} overall")
        return "; ".join(filter(None, parts))

    def lines(self, group: str) -> list[Difference]:
        """The headline metric of a group, and after it, where the test set changed, on the sentences main has, too."""
        compared = [comparison for comparison in (self.comparison, self.shared) if comparison]
        return [comparison.of(group) for comparison in compared if group in (OVERALL, *comparison.domains)]

    def _word(self, group: str) -> str:
        """The word for a group: where the test set changed, one that all of its sentences and the old ones share."""
        words = {line.verdict for line in self.lines(group)}
        return WORSE if WORSE in words else words.pop() if len(words) == 1 else SAME

    @property
    def measured(self) -> str:
        """The headline metric with its figures."""
        if self.comparison is None:
            own = self.figures[OVERALL]
            return f"weighted F1 {own[HEADLINE]:.4f} on {own['n']:,.0f} test sentences"
        line, group = self.comparison.of(OVERALL), self.comparison.groups[0]
        if self.comparison.unchanged:
            return f"weighted F1 {line.candidate:.4f} on {group.sentences:,} test sentences"
        change = f"weighted F1 {line.base:.4f} → {line.candidate:.4f}, {interval(line)}"
        return (
            f"{change} ({self.comparison.confidence * 100:g} % interval), on {group.sentences:,} test sentences;"
            f" {group.fixed} fixed, {group.broken} broken"
        )

    @property
    def headline(self) -> str:
        """The verdict in one line with its figures."""
        if self.reason is not None:
            return f"Cannot judge: {self.reason.where}: {self.reason.what}"
        failed = [rule.name for rule in self.rules if not rule.passed]
        outcome = f"Fail ({', '.join(failed)})" if failed else "Pass"
        return f"{outcome}: {self.claim}; {self.measured}"


def _in_places(word: str, places: list[str]) -> str:
    """Such as: worse overall and in movies, news."""
    overall = [OVERALL] if OVERALL in places else []
    domains = ", ".join(name for name in places if name != OVERALL)
    return f"{word} {' and '.join([*overall, f'in {domains}'] if domains else overall)}" if places else ""


def signed(value: float) -> str:
    """A difference to four digits, with its sign."""
    return f"{value:+.4f}".replace("-", "−")


def interval(line: Difference) -> str:
    """A difference with its interval, as text that does not break."""
    return f"{signed(line.difference)} [{signed(line.low)},\N{NO-BREAK SPACE}{signed(line.high)}]"


def review(store: Store, base: Evidence | None, candidate: Evidence, approvals: Collection[str] = ()) -> Review:
    """Judge a change. Errors end in `Review.reason`; nothing is raised.

    Args:
        store: where the objects come from.
        base: main; None on a repository's first run, which is judged by floors alone.
        candidate: the change.
        approvals: rules of `review.APPROVABLE` that a person waves through.
    """
    result = Review(base.revision if base else None, candidate.revision, approvals)
    try:
        _judge(store, base, candidate, result)
    except VerdictError as error:
        result.reason = error
    except Exception as error:  # a crash is never a pass
        traceback.print_exc()
        what = f"{type(error).__name__}: {error}"
        result.reason = VerdictError("review", what, "this is a defect of the review: report it with the lines above")
    return result


def _judge(store: Store, base: Evidence | None, candidate: Evidence, result: Review) -> None:
    own = candidate.revision
    result.policy = policy = policy_of(base.revision if base else own)
    result.changes = changes(base.revision, own) if base else []
    result.rules.extend(_approvals(result))
    result.findings, rule = _lock(store, own, policy)
    result.rules.append(rule)
    predictions, result.seconds_per_1000 = candidate.verified()
    old, new = shown(store, base.revision if base else Revision(store.root, "HEAD", "HEAD"), own)
    result.figures = new
    result.rules.append(_figures(new, predictions, own))
    if base:
        plan = plan_of(base.revision, policy)
        if wrong := differing(old, base.predictions, plan.bins, base.revision):
            where = f"{EVALUATION} of {base.revision.name}"
            raise VerdictError(where, f"not the figures of its predictions: {wrong[0]}", "dvc repro evaluate on main")
        result.rules.append(_test_set(base, candidate, result, policy.max_test_change))
        result.comparison = compare(base, candidate, predictions, plan)
        if result.comparison.test_changed:
            result.shared = on_shared(base, candidate, predictions, plan)
        result.rules.extend(_worse(result, policy))
    result.rules.extend(_floors(result, policy))
    result.seeds = told_seeds(own, policy.seeds.at_least)
    result.rules.extend(_seeds(result, policy))
    result.rules.append(_size(candidate, policy))
    result.rules.append(_time(result.seconds_per_1000, policy))


def plan_of(base: Revision, policy: Gate) -> Plan:
    """How differences are judged, by main's settings alone."""
    return Plan(policy.confidence, policy.resamples, policy.seed, bins_of(base))


def bins_of(revision: Revision) -> int:
    """How many bins the revision's calibration error has."""
    bins = (revision.params.get("evaluate") or {}).get("calibration_bins")
    if not isinstance(bins, int):
        raise VerdictError(
            f"params.yaml of {revision.name}", "has no evaluate.calibration_bins", "git diff params.yaml"
        )
    return bins


def _approvals(result: Review) -> Iterator[Rule]:
    """The keys whose change a person must approve by the rule's name: the policy, the label band, the split."""
    asks = {
        "policy": "the rules of the gate are main's",
        "label-band": "a label means what it means on main",
        "split": "the test sentences are drawn as on main",
    }
    for name, wanted in asks.items():
        touched = watched(result.changes, name)
        found = "; ".join(f"{change.key}: {change.base!r} → {change.candidate!r}" for change in touched)
        yield _approvable(result, name, wanted, not touched, found or "as on main")


def _approvable(result: Review, name: str, asks: str, passed: bool, found: str) -> Rule:
    approved = not passed and name in result.approvals
    remedy = "" if passed else f"take it back, or let a person approve it: --approve {name}"
    return Rule(name, asks, passed or approved, found, remedy, approved)


def _lock(store: Store, candidate: Revision, policy: Gate) -> tuple[list[Finding], Rule]:
    asks = "dvc.lock is consistent with the tree" + (", and every entry ran" if policy.lock == "ran" else "")
    if policy.lock == "ignore":
        return [], Rule("lock", asks, True, "not asked by the policy")
    with checked_out(candidate) as folder:
        own = None if candidate.commit else store.repo
        findings = check(folder, policy.lock == "ran", own, Path(store.repo.stage_cache.cache_dir))
    if not findings:
        return [], Rule("lock", asks, True, "consistent")
    first = findings[0]
    found = f"{len(findings)} findings, the first: {first.stage}: {first.where}: {first.what}"
    return findings, Rule("lock", asks, False, found, first.mend)


def _figures(figures: Figures, predictions: pd.DataFrame, candidate: Revision) -> Rule:
    wrong = differing(figures, predictions, bins_of(candidate), candidate)
    asks = f"{EVALUATION} holds the figures of the predictions, and these are the artifact's"
    if not wrong:
        return Rule("figures", asks, True, f"{len(figures)} groups recomputed, predictions run again")
    return Rule("figures", asks, False, f"{len(wrong)} figures differ: {wrong[0]}", "dvc repro -f evaluate")


def _test_set(base: Evidence, candidate: Evidence, result: Review, limit: float) -> Rule:
    """Main's test sentences are still there, with their texts and labels: nobody passes by testing on easier ones."""
    columns = [*TRUTH, "text"]
    old = base.test[columns]
    merged = old.merge(candidate.test[columns], on="id", how="left", suffixes=("", "_new"))
    gone = merged["text_new"].isna()
    differs = {name: ~gone & (merged[name] != merged[f"{name}_new"]) for name in columns if name != "id"}
    changed = differs["text"] | differs["label"]
    regrouped = ~changed & (differs["domain"] | differs["document"] | differs["valence"])
    moved = changed | regrouped
    shares = (gone | moved).groupby(merged["domain"]).mean()
    lost = [f"{name} {share:.1%}" for name, share in shares.items() if share > limit]
    domains = [name for name in dict.fromkeys(old["domain"]) if name not in set(candidate.test["domain"])]
    added = int((~candidate.test["id"].isin(old["id"])).sum())
    counts = f"{int(gone.sum())} gone, {int(changed.sum())} relabelled or rewritten, {added} new"
    if regrouped.any():
        counts += f", {int(regrouped.sum())} with another domain, document or valence"
    found = counts if gone.any() or moved.any() or added else f"the same {len(old):,} sentences"
    if lost:
        found += f"; above the limit of {limit:.0%}: {', '.join(lost)}"
    if domains:
        found += f"; no sentence left of {', '.join(domains)}"
    asks = f"at most {limit:.0%} of a domain's test sentences on main are gone or changed"
    return _approvable(result, "test-set", asks, not lost, found)


def _worse(result: Review, policy: Gate) -> Iterator[Rule]:
    """Measurably worse on the candidate's sentences, or on those of them that main tests on, too."""
    for group in policy.fail_on_worse:
        asks = f"{group} is not measurably worse"
        lines = result.lines(group)
        if not lines:
            yield Rule(f"worse:{group}", asks, False, "no test sentence of it", "bring its sentences back")
            continue
        found = _ON_SHARED.join(
            f"{line.base:.4f} → {line.candidate:.4f}, {interval(line)}: {line.verdict}" for line in lines
        )
        remedy = "a better model; python -m review compare shows where it lost"
        yield Rule(f"worse:{group}", asks, all(line.verdict != WORSE for line in lines), found, remedy)


def _floors(result: Review, policy: Gate) -> Iterator[Rule]:
    """Main's floors: for all of the candidate's sentences, and for those of them that main tests on, too."""
    unchanged = result.comparison is not None and result.comparison.unchanged
    for group, floor in policy.floors.items():
        asks = f"weighted F1 of {group} is at least {floor:g}"
        value = result.figures.get(group, {}).get(HEADLINE)
        if value is None:
            yield Rule(f"floor:{group}", asks, False, "no figure for it", "bring its sentences back")
            continue
        values = [value, *(line.candidate for line in result.lines(group)[1:])]
        found, lowest = _ON_SHARED.join(f"{value:.4f}" for value in values), min(values)
        if lowest < floor and unchanged:
            found += ", below the floor, but so on main"
        yield Rule(f"floor:{group}", asks, lowest >= floor or unchanged, found, "a better model")


def _seeds(result: Review, policy: Gate) -> Iterator[Rule]:
    """Enough seeds, and alike. Nothing is asked of one seed where one is enough."""
    if result.seeds is None:
        return
    asked, unchanged = policy.seeds, result.comparison is not None and result.comparison.unchanged
    enough, alike = result.seeds.count >= asked.at_least, result.seeds.std <= asked.max_spread
    asks = f"{SCORES} tells at least {asked.at_least} seeds, with a standard deviation of at most {asked.max_spread:g}"
    found = result.seeds.text
    if unchanged and not (enough and alike):
        found += "; but every prediction is main's"
    remedy = f"{SCORES} must tell it: more of train.seeds" if not enough else "a model that depends less on its seed"
    yield Rule("seeds", asks, (enough and alike) or unchanged, found, "" if enough and alike else remedy)


def _size(candidate: Evidence, policy: Gate) -> Rule:
    size = candidate.artifact_bytes / 1e6
    asks = f"{ARTIFACT} is at most {policy.max_artifact_mb:g} MB"
    return Rule("size", asks, size <= policy.max_artifact_mb, f"{size:.1f} MB", "fewer features, or a smaller model")


def _time(seconds: float, policy: Gate) -> Rule:
    asks = f"1,000 sentences are predicted in at most {policy.max_seconds_per_1000:g} s, on the machine that judges"
    return Rule("time", asks, seconds <= policy.max_seconds_per_1000, f"{seconds:.2f} s", "a simpler model")
