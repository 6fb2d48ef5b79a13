"""The state of a roll, and what is known of a host: plain values that a JSON file can hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from verdict.delivery.host.rules import Counts, Limits

Environment = Literal["staging", "production"]
CANARY = "canary"


class Stage(StrEnum):
    """The stage of a roll."""

    SETTLED = "settled"
    STARTING = "starting"
    SMOKE = "smoke"
    CANARY = "canary"
    PROMOTING = "promoting"
    WATCHED = "watched"
    RETURNING = "returning"


# The stages in which the candidate has not replaced anything yet: it can be dropped without any other change.
TRIED = (Stage.STARTING, Stage.SMOKE, Stage.CANARY)


@dataclass(frozen=True)
class Release:
    """A version, and the bytes that it names.

    Args:
        version: such as v1.2.0.
        image: reference of the image by digest.
        commit: from which its artifact was made.
        artifact: SHA-256 of the artifact's manifest.json.
        differs: the share of test texts with another label than by the release before, as the review saw it.
    """

    version: str
    image: str
    commit: str
    artifact: str
    differs: float = 0.0

    def is_comparable(self, other: "Release") -> bool:
        """Return whether both have the same labels and texts: those of one MAJOR version."""
        return self.version.partition(".")[0] == other.version.partition(".")[0]


@dataclass(frozen=True)
class Order:
    """An order of a person or of deploy.yml: roll a release out, or, with None, return to the one before.

    Args:
        name: unique, so that no order is followed twice.
        release: to roll out.
        limits: the thresholds of the roll.
        promote: whether the release is to serve in the end; else it is only tried.
        why: the reason.
    """

    name: str
    release: Release | None
    limits: Limits = field(default_factory=Limits)
    promote: bool = True
    why: str = ""


@dataclass(frozen=True)
class State:
    """The state of a guard; it survives restarts.

    Args:
        environment: of its users.
        stage: of the roll.
        stable: the release that serves; None before the first one.
        previous: the release that served before, and can again.
        order: that is being followed; `ask` in state.json and in the status, as earlier guards wrote it.
        step: index of the canary's weight.
        replaced: how many of the servers have the candidate; on the way back 1 once `previous` has all requests.
        since: when the stage, or the step of it, began.
        promoted: when the stable release was promoted.
        outcome: how the last roll ended.
        reason: why it ended so.
        done: the name of the last order that was followed, or refused.
    """

    environment: Environment = "production"
    stage: Stage = Stage.SETTLED
    stable: Release | None = None
    previous: Release | None = None
    order: Annotated[Order | None, Field(alias="ask")] = None
    step: int = 0
    replaced: int = 0
    since: float = 0.0
    promoted: float = 0.0
    outcome: str = ""
    reason: str = ""
    done: str = ""

    @property
    def candidate(self) -> Release | None:
        """The release that is being tried or promoted."""
        return self.order.release if self.order is not None and self.stage in (*TRIED, Stage.PROMOTING) else None

    @property
    def base(self) -> Release | None:
        """The release that the candidate is compared with; None across MAJOR versions, and when it is forced."""
        if self.stable is None or self.candidate is None or not self.limits.weights:
            return None
        return self.stable if self.stable.is_comparable(self.candidate) else None

    @property
    def is_shadow(self) -> bool:
        """Whether the candidate is only compared, and answers no user."""
        return self.stage == Stage.CANARY and self.limits.weights[self.step] == 0

    @property
    def limits(self) -> Limits:
        """The thresholds of this roll."""
        return self.order.limits if self.order is not None else Limits()

    @property
    def newest_order(self) -> str:
        """The name of the order that is being followed, else of the last one."""
        return self.order.name if self.order is not None else self.done


@dataclass(frozen=True)
class Slot:
    """A server's slot, as it was found at a look.

    Args:
        release: that runs there; None for none.
        beside: the release whose artifact is compared there.
        ready: whether the server takes requests.
        mismatch: how the server differs from its release: by version, commit or artifact.
        weight: its share of the requests.
        idle: whether the server works on no request, or had its time to end them.
        died: how often a server ended by itself there since the stage began.
        age: seconds since this server was first seen.
        start_error: why no server could be started there.
    """

    release: Release | None = None
    beside: Release | None = None
    ready: bool = False
    mismatch: str = ""
    weight: int = 0
    idle: bool = True
    died: int = 0
    age: float = 0.0
    start_error: str = ""

    @property
    def sound(self) -> bool:
        """Whether it takes requests, and is its release."""
        return self.ready and not self.mismatch


@dataclass(frozen=True)
class Evidence:
    """All that is known at one look.

    Args:
        now: seconds.
        slots: by name; `canary` is the candidate's, all others are those of the stable release.
        canary: counts of the candidate since the step began.
        stable: counts of the stable release since then.
        smoke: why the smoke test failed; empty when it passed; None when it was not run.
        restarted: whether this is the first look of this guard process.
        order: that waits to be followed.
        live: all labels that came back for the stable release.
        before: all labels that came back for the previous one.
        floor: the least accuracy that is required.
    """

    now: float
    slots: Mapping[str, Slot]
    canary: Counts = field(default_factory=Counts)
    stable: Counts = field(default_factory=Counts)
    smoke: str | None = None
    restarted: bool = False
    order: Order | None = None
    live: Counts = field(default_factory=Counts)
    before: Counts = field(default_factory=Counts)
    floor: float = 0.0

    @property
    def servers(self) -> tuple[str, ...]:
        """The names of the slots of the stable release."""
        return tuple(sorted(set(self.slots) - {CANARY}))
