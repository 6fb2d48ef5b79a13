"""Tests of machine.py and actions.py of a host, on a made-up one that does what it is told, fails, and is killed."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verdict.delivery.host.actions import FULL, Smoke, Start, Stop, Weigh, targets
from verdict.delivery.host.machine import step
from verdict.delivery.host.rules import Counts, Limits
from verdict.delivery.host.state import CANARY, TRIED, Evidence, Order, Release, Slot, Stage, State

GOOD = Counts(requests=2_000, p99=0.01, same=1_900, other=100)
BAD = Counts(requests=2_000, failures=200, p99=0.01, same=1_900, other=100)
OLD, NEW, NEWER = (
    Release(f"v1.{number}.0", f"image@{number}", f"c{number}", f"a{number}", 0.05) for number in range(3)
)


@dataclass
class FakeHost:
    """A host and its guard, which can be killed before any action.

    Args:
        slots: by name.
        state: written last by the guard.
        now: seconds.
        smoke: result of the smoke test.
        live: labels of what serves, those of what served `before`, and the `floor`.
    """

    slots: dict[str, Slot]
    state: State = field(default_factory=State)
    now: float = 0.0
    smoke: str | None = ""
    restarted: bool = False
    pending: Order | None = None
    asked_for_smoke: bool = False
    users: list[set[str]] = field(default_factory=list)
    live: Counts = field(default_factory=Counts)
    before: Counts = field(default_factory=Counts)
    floor: float = 0.0

    def tick(
        self, canary: Counts = GOOD, stable: Counts = GOOD, seconds: float = 1.0, killed: int | None = None
    ) -> None:
        """One turn of the guard; with `killed` it is killed after so many actions, and starts again."""
        self.now += seconds
        smoke = self.smoke if self.asked_for_smoke else None
        labels = {"live": self.live, "before": self.before, "floor": self.floor}
        seen = Evidence(self.now, dict(self.slots), canary, stable, smoke, self.restarted, self.pending, **labels)  # type: ignore[arg-type]
        self.state, actions = step(self.state, seen)
        self.restarted = killed is not None
        for action in actions[:killed]:
            self._do(action)
        if self.state.stage != Stage.SMOKE or killed is not None:
            self.asked_for_smoke = False
        self.users.append({slot.release.version for slot in self.slots.values() if slot.release and slot.weight})

    def _do(self, action: Start | Stop | Weigh | Smoke) -> None:
        if isinstance(action, Smoke):
            self.asked_for_smoke = True
            return
        slot = self.slots[action.slot]
        if isinstance(action, Weigh):
            self.slots[action.slot] = replace(slot, weight=action.weight)
        elif isinstance(action, Stop):
            assert slot.weight == 0
            assert slot.idle
            self.slots[action.slot] = Slot()
        else:
            assert slot.release is None
            self.slots[action.slot] = Slot(action.release, action.beside, ready=True)

    def ask(self, release: Release | None, **given: object) -> None:
        """Order a release, or the way back."""
        self.pending = Order(f"ask {self.now}", release, **given)  # type: ignore[arg-type]

    def run(self, ticks: int = 60, **given: object) -> None:
        """Run some turns."""
        for _ in range(ticks):
            self.tick(**given)  # type: ignore[arg-type]


def new_host(stable: Release | None = OLD, servers: int = 2) -> FakeHost:
    """A host on which a release serves, or nothing."""
    names = [f"server{number}" for number in range(servers)]
    seen = Slot(stable, ready=stable is not None, weight=FULL if stable else 0)
    return FakeHost({**dict.fromkeys(names, seen), CANARY: Slot()}, State(stable=stable))


def serving(host: FakeHost) -> set[str]:
    """The versions that users get."""
    return {slot.release.version for slot in host.slots.values() if slot.release and slot.weight}


def test_a_good_release_goes_by_every_weight_and_serves_alone() -> None:
    """5, 25 and 50 percent, each with its requests; then all servers, one after the other; the old one stands by."""
    host = new_host()
    host.ask(NEW)
    weights = []
    for _ in range(40):
        host.tick()
        weights.append(host.slots[CANARY].weight)
    assert [weight for at, weight in enumerate(weights) if weight and weight != weights[at - 1]] == [
        11,
        67,
        200,
        FULL,
    ]
    assert (host.state.stage, host.state.outcome) == (Stage.WATCHED, "promoted")
    assert (host.state.stable, host.state.previous) == (NEW, OLD)
    assert serving(host) == {"v1.1.0"}
    assert (host.slots[CANARY].release, host.slots[CANARY].weight) == (OLD, 0)
    host.tick(seconds=host.state.limits.watch + 1)
    host.run(ticks=2)
    assert (host.state.stage, host.slots[CANARY].release) == (Stage.SETTLED, None)


def test_the_way_back_takes_no_start() -> None:
    """While a release is watched the one before stands by, and has all requests in the third turn after `back`."""
    host = new_host()
    host.ask(NEW, limits=Limits(weights=()))
    host.run(ticks=20)
    assert host.state.stage == Stage.WATCHED
    host.ask(None)
    host.run(ticks=3)
    assert (host.state.stage, serving(host), host.state.replaced) == (Stage.RETURNING, {"v1.0.0"}, 1)
    host.run(ticks=20)
    assert (host.state.stage, host.state.stable, host.slots[CANARY].release) == (Stage.SETTLED, OLD, None)


def test_a_trial_that_fails_ends_nobodys_watch() -> None:
    """What serves is watched on after another release failed, for the rest of its own time, and can still come back."""
    host = new_host()
    host.ask(NEW, limits=Limits(weights=()))
    host.run(ticks=20)
    since = host.state.since
    host.ask(NEWER)
    host.run(ticks=5)
    host.run(ticks=5, canary=BAD)
    assert (host.state.stage, host.state.since, host.state.outcome) == (Stage.WATCHED, since, "rolled back")
    assert (serving(host), host.slots[CANARY].release) == ({"v1.1.0"}, OLD)
    host.tick(stable=BAD)
    host.run(ticks=12)
    assert (host.state.stage, host.state.stable) == (Stage.SETTLED, OLD)


def test_what_stands_by_and_ends_is_not_started_for_ever() -> None:
    """After three ends by itself the slot stays empty, and the way back starts it once more."""
    host = new_host()
    host.ask(NEW, limits=Limits(weights=()))
    host.run(ticks=20)
    host.slots[CANARY] = Slot(died=3)
    host.run(ticks=3)
    assert (host.state.stage, host.slots[CANARY].release) == (Stage.WATCHED, None)


@pytest.mark.parametrize("release", [NEWER, OLD], ids=["another", "the one that stands by"])
def test_what_stood_by_is_not_taken_for_what_is_tried(release: Release) -> None:
    """A release that is asked for while another is watched starts in the slot of what stood there for hours."""
    host = new_host()
    host.ask(NEW, limits=Limits(weights=()))
    host.run(ticks=20)
    host.slots[CANARY] = replace(host.slots[CANARY], age=10_000.0)
    host.ask(release)
    host.tick()
    assert (host.state.stage, host.slots[CANARY].release) == (Stage.STARTING, None)
    host.run(ticks=40)
    assert (host.state.outcome, host.state.stable) == ("promoted", release)


def test_the_first_release_serves_after_its_smoke_test() -> None:
    """Where nothing serves there is nothing to compare with."""
    host = new_host(None)
    host.ask(NEW)
    host.run()
    assert (host.state.stable, host.state.outcome, serving(host)) == (NEW, "promoted", {"v1.1.0"})


@pytest.mark.parametrize(
    ("canary", "reason"),
    [
        (BAD, "200 of 2000 requests failed"),
        (replace(GOOD, not_finite=1), "without finite probabilities"),
        (replace(GOOD, other=900, same=1_100), "another label for 900 of 2000"),
        (replace(GOOD, p99=0.3), "p99 300 ms"),
    ],
)
def test_a_bad_canary_goes_and_says_why(canary: Counts, reason: str) -> None:
    """Failures, answers that are no numbers, other labels than reviewed, slowness: the old one stays."""
    host = new_host()
    host.ask(NEW)
    host.run(canary=canary)
    assert (host.state.outcome, host.state.stable, serving(host)) == ("rolled back", OLD, {"v1.0.0"})
    assert reason in host.state.reason
    assert host.slots[CANARY].release is None


@pytest.mark.parametrize("requests", [0, 10, 999])
def test_too_little_evidence_is_undecided(requests: int) -> None:
    """Silence never promotes."""
    host = new_host()
    host.ask(NEW)
    host.run(ticks=30, canary=Counts(requests=requests, p99=0.01), seconds=1_000)
    assert (host.state.outcome, host.state.stable) == ("undecided", OLD)
    assert f"{requests} requests" in host.state.reason
    assert serving(host) == {"v1.0.0"}


def test_what_does_not_start_or_fails_its_smoke_test_gets_no_request() -> None:
    """A server that is never ready, ends by itself, is another artifact, or answers wrongly, is dropped at weight 0."""
    for spoil, reason in [
        ({"ready": False, "age": 31.0}, "not ready after 30 s"),
        ({"died": 3}, "ended by itself"),
        ({"mismatch": "its artifact is ab, not a1"}, "its artifact is ab"),
    ]:
        host = new_host()
        host.ask(NEW)
        for _ in range(60):
            host.tick()
            if host.slots[CANARY].release:
                host.slots[CANARY] = replace(host.slots[CANARY], **spoil)  # type: ignore[arg-type]
        assert (host.state.outcome, {"v1.0.0"}) == ("failed", set.union(*host.users))
        assert reason in host.state.reason
    host = new_host()
    host.smoke = "another label for golden text 3"
    host.ask(NEW)
    host.run()
    assert (host.state.outcome, host.state.reason) == ("failed", "smoke: another label for golden text 3")


def test_back_returns_to_what_served_before() -> None:
    """By hand, or by itself when the promoted release fails while it is watched."""
    for by_hand in (True, False):
        host = new_host()
        host.ask(NEW)
        host.run()
        if by_hand:
            host.ask(None)
        host.run(stable=GOOD if by_hand else BAD)
        assert (host.state.stage, host.state.outcome) == (Stage.SETTLED, "rolled back")
        assert (host.state.stable, serving(host)) == (OLD, {"v1.0.0"})
        assert all(users for users in host.users)


def test_shadow_compares_and_gives_nobody_an_answer() -> None:
    """At weight 0 a server of what serves compares the new artifact; without promotion it ends there."""
    host = new_host()
    host.ask(NEW, limits=Limits(weights=(0,)), promote=False)
    beside = set()
    for _ in range(40):
        host.tick()
        beside |= {slot.beside.version for name, slot in host.slots.items() if slot.beside and name != CANARY}
    assert (host.state.outcome, host.state.stable) == ("held", OLD)
    assert beside == {"v1.1.0"}
    assert set.union(*host.users) == {"v1.0.0"}
    assert all(slot.beside is None for slot in host.slots.values())


@pytest.mark.parametrize(("right", "outcome"), [(760, "promoted"), (660, "rolled back")])
def test_a_trial_is_judged_by_the_labels_that_came_back(right: int, outcome: str) -> None:
    """Measurably fewer right answers stop it; no measurable difference does not."""
    host = new_host()
    host.ask(NEW, limits=Limits(weights=(50,), labels=1_000))
    host.run(ticks=10, canary=replace(GOOD, labelled=999, right=999), stable=replace(GOOD, labelled=1_000, right=770))
    assert host.state.stage == Stage.CANARY
    host.run(canary=replace(GOOD, labelled=1_000, right=right), stable=replace(GOOD, labelled=1_000, right=770))
    assert host.state.outcome == outcome


def test_another_release_ends_a_canary_first() -> None:
    """One at a time: what is tried goes, then the next begins."""
    host = new_host()
    host.ask(NEW)
    host.run(6, canary=Counts())
    assert host.state.stage == Stage.CANARY
    host.ask(NEWER)
    host.run()
    assert (host.state.stable, host.state.outcome) == (NEWER, "promoted")
    assert "v1.1.0" not in host.users[-1]


@pytest.mark.parametrize("servers", [1, 2, 3, 5, 9])
def test_the_share_of_the_canary_is_what_its_step_says(servers: int) -> None:
    """5, 25 and 50 percent beside any number of servers: haproxy takes no weight above 256."""
    names = tuple(f"server{number}" for number in range(servers))
    for step_, share in enumerate(Limits().weights):
        state = State(stage=Stage.CANARY, stable=OLD, order=Order("1", NEW), step=step_)
        weights = {name: want.weight for name, want in targets(state, names).items()}
        assert max(weights.values()) <= 256
        assert 100 * weights[CANARY] / sum(weights.values()) == pytest.approx(share, abs=0.5)


def test_a_release_of_other_labels_is_not_compared_but_tried() -> None:
    """A MAJOR release, whose artifact no other can stand beside, goes by every step; so does one that is forced."""
    for new, limits in [(replace(NEW, version="v2.0.0"), Limits()), (NEW, Limits(weights=()))]:
        host = new_host()
        host.ask(new, limits=limits)
        beside = set()
        for _ in range(40):
            host.tick(canary=replace(GOOD, same=0, other=0))
            beside |= {slot.beside for slot in host.slots.values()}
        assert (host.state.stable, beside) == (new, {None})


@pytest.mark.parametrize("blind", [replace(GOOD, p99=None), replace(GOOD, same=0, other=0)])
def test_requests_that_say_nothing_promote_nothing(blind: Counts) -> None:
    """A canary whose figures cannot be had, or which nothing was compared with, is undecided."""
    host = new_host()
    host.ask(NEW)
    host.run(ticks=30, canary=blind, seconds=1_000)
    assert (host.state.outcome, host.state.stable) == ("undecided", OLD)


@pytest.mark.parametrize("why", ["staging", "first", "forced"])
def test_what_is_only_to_be_tried_never_serves(why: str) -> None:
    """Not where a smoke test is all: in staging, where nothing serves, nor when forced."""
    host = new_host(None if why == "first" else OLD)
    host.state = replace(host.state, environment="staging" if why == "staging" else "production")
    host.ask(NEW, limits=Limits(weights=() if why == "forced" else (0,)), promote=False)
    host.run()
    assert (host.state.outcome, host.state.stable) == ("held", None if why == "first" else OLD)
    assert all("v1.1.0" not in users for users in host.users)


def test_a_shadow_that_ends_what_serves_is_taken_away() -> None:
    """A server that cannot run with the new artifact beside its own gets it taken away, and does not go on failing."""
    host = new_host()
    host.ask(NEW, limits=Limits(weights=(0,)), promote=False)
    for _ in range(60):
        host.tick(canary=Counts())
        if host.slots["server1"].beside == NEW:
            host.slots["server1"] = Slot(died=3)
    assert host.state.outcome == "rolled back"
    assert "server1" in host.state.reason
    assert host.slots["server1"] == Slot(OLD, ready=True, weight=FULL)


def test_a_stranger_in_a_place_is_not_taken_for_the_release() -> None:
    """While something else answers at a server's port, a promotion does not go on, and the slot gets no requests."""
    host = new_host()
    host.ask(NEW, limits=Limits(weights=()))
    for _ in range(60):
        host.tick()
        if host.slots["server0"].release == NEW:
            host.slots["server0"] = replace(host.slots["server0"], mismatch="its version is 'v0'")
            assert not host.slots["server0"].weight
    assert (host.state.stage, host.state.replaced) == (Stage.PROMOTING, 0)
    assert "v1.0.0" in host.users[-1]


def test_a_place_whose_server_ended_gets_no_requests_until_it_is_back() -> None:
    """Something else may answer at its port by then; where no other server is left, nothing is taken away."""
    for servers, weight in [(2, 0), (1, FULL)]:
        host = new_host(servers=servers)
        host.slots["server0"] = Slot(weight=FULL, died=1)
        host.tick()
        assert host.slots["server0"].weight in (0, weight)
        host.slots["server0"] = Slot(OLD, ready=True, weight=FULL, mismatch="its version is 'v0'")
        host.tick()
        assert host.slots["server0"].weight == weight
        host.slots["server0"] = replace(host.slots["server0"], mismatch="")
        host.tick()
        assert host.slots["server0"].weight == FULL


def test_an_image_may_take_its_time_to_come() -> None:
    """A server must be ready some seconds after it was started, however long its image was pulled."""
    host = new_host()
    host.ask(NEW)
    host.tick()
    host.slots[CANARY] = replace(host.slots[CANARY], ready=False)
    host.tick(seconds=300)
    host.slots[CANARY] = replace(host.slots[CANARY], ready=True)
    host.run()
    assert host.state.outcome == "promoted"


def test_a_clock_that_is_put_back_makes_nobody_wait() -> None:
    """Limits of time hold from there on, not from a reading that comes again in a day."""
    host = new_host()
    host.ask(NEW)
    host.run(6, canary=Counts())
    assert host.state.stage == Stage.CANARY
    host.tick(canary=Counts(), seconds=-100_000)
    host.tick(canary=Counts(), seconds=Limits().step + 1)
    assert host.state.outcome == "undecided"


COUNTS = st.sampled_from([GOOD, BAD, Counts(), Counts(requests=10, p99=0.01), replace(GOOD, p99=2.0)])
TURNS = st.lists(
    st.tuples(
        COUNTS,
        COUNTS,
        st.sampled_from([1.0, 20.0, 700.0, 20_000.0]),
        st.sampled_from([None, None, None, 0, 1, 2]),  # killed before an action
        st.sampled_from([None] * 6 + ["new", "newer", "back", "death"]),
        st.sampled_from(["", "", "", None, "wrong"]),
        st.sampled_from([Counts(), Counts(labelled=500, right=300), Counts(labelled=500, right=450)]),
        st.sampled_from([Counts(), Counts(labelled=500, right=400)]),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(turns=TURNS, servers=st.integers(1, 3), first=st.booleans())
def test_whatever_happens_users_get_one_of_two_releases_and_it_ends(
    turns: list[tuple[Counts, Counts, float, int | None, str | None, str | None, Counts, Counts]],
    servers: int,
    first: bool,
) -> None:
    """Under random evidence, requests, deaths and kills of the guard: never three releases, always somebody, an end."""
    host = new_host(None if first else OLD, servers)
    host.floor = 0.7
    for canary, stable, seconds, killed, event, smoke, live, old in turns:
        host.smoke, host.live, host.before = smoke, live, old
        if event in ("new", "newer"):
            host.ask(NEW if event == "new" else NEWER)
        elif event == "back":
            host.ask(None)
        elif event == "death":
            host.slots[CANARY] = replace(host.slots[CANARY], died=1)
        before, tried = host.state, host.state.stage in TRIED
        host.tick(canary, stable, seconds, killed)
        assert len(host.users[-1]) <= 2
        if "by labels" in host.state.reason and before.reason != host.state.reason:
            assert (before.stage, host.state.stage) == (Stage.WATCHED, Stage.RETURNING)
            assert live.right == 300
        if not first:
            assert host.users[-1]
        if before.stage == Stage.CANARY and host.state.stage == Stage.PROMOTING:
            assert canary.requests >= before.limits.requests  # never by silence
            assert canary.p99 is not None
        if host.state.stage == Stage.PROMOTING and tried:
            assert before.stage == Stage.CANARY or host.state.stable is None
    host.smoke, host.live = "", Counts()
    host.run(ticks=80, canary=Counts(), stable=Counts(), seconds=1_000)
    assert host.state.stage in (Stage.SETTLED, Stage.WATCHED)
    assert serving(host) == ({host.state.stable.version} if host.state.stable else set())
    assert host.slots[CANARY].release in (None, host.state.previous if host.state.stage == Stage.WATCHED else None)


def labelled(right: int, of: int = 1_000) -> Counts:
    """Labels that came back."""
    return Counts(labelled=of, right=right)


@pytest.mark.parametrize(
    ("live", "before", "floor", "outcome"),
    [
        (labelled(700), labelled(770), 0.0, "rolled back"),
        (labelled(760), labelled(770), 0.0, "promoted"),
        (labelled(700), Counts(), 0.8, "rolled back"),
        (labelled(700), labelled(700), 0.8, "promoted"),
        (Counts(), labelled(770), 0.8, "promoted"),
    ],
)
def test_labels_take_a_release_back_while_it_is_watched(
    live: Counts, before: Counts, floor: float, outcome: str
) -> None:
    """Measurably worse than what served before, or surely below the floor: back by itself; once settled it stays."""
    for settled in (False, True):
        host = new_host()
        host.ask(NEW)
        host.run()
        if settled:
            host.tick(seconds=Limits().watch + 1)
            assert host.state.stage == Stage.SETTLED
        host.live, host.before, host.floor = live, before, floor
        host.run()
        assert host.state.outcome == ("promoted" if settled else outcome)
        assert serving(host) == {"v1.0.0" if host.state.outcome == "rolled back" else "v1.1.0"}
        assert ("by labels that came back" in host.state.reason) == (host.state.outcome == "rolled back")


def test_a_release_of_other_labels_is_not_held_against_the_one_before() -> None:
    """Across a MAJOR version two accuracies are of two tasks: only the floor counts."""
    for floor, outcome in ((0.0, "promoted"), (0.8, "rolled back")):
        host = new_host()
        host.ask(replace(NEW, version="v2.0.0"))
        host.run()
        host.live, host.before, host.floor = labelled(600), labelled(900), floor
        host.run()
        assert host.state.outcome == outcome
