"""Where a roll stands, and what was asked for: plain values that a file can hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from verdict.delivery.host.rules import Counts, Limits

Environment = Literal["staging", "production"]
CANARY = "canary"


class Stage(StrEnum):
    """What a host is doing."""

    SETTLED = "settled"
    STARTING = "starting"
    SMOKE = "smoke"
    CANARY = "canary"
    PROMOTING = "promoting"
    WATCHED = "watched"
    RETURNING = "returning"


# Those in which a new release has not yet replaced anything: it can be dropped, and nothing else changes.
TRIED = (Stage.STARTING, Stage.SMOKE, Stage.CANARY)


@dataclass(frozen=True)
class Release:
    """What is to serve: a version, and the bytes that it stands for.

    Args:
        version: such as v1.2.0.
        image: reference of the image by digest.
        commit: that its artifact was made from.
        artifact: SHA-256 of the artifact's manifest.json.
        differs: the share of test texts with another label than the release before, as the review saw it.
    """

    version: str
    image: str
    commit: str
    artifact: str
    differs: float = 0.0


@dataclass(frozen=True)
class Order:
    """What a person or deploy.yml asks for: a release, or, with None, the one before.

    Args:
        name: of this request, so that none is followed twice.
        release: what is to serve.
        limits: the thresholds of the roll.
        promote: whether it is to serve in the end; without, it is tried alone.
        why: who asks, and the reason.
    """

    name: str
    release: Release | None
    limits: Limits = field(default_factory=Limits)
    promote: bool = True
    why: str = ""


@dataclass(frozen=True)
class State:
    """All that a guard must remember.

    Args:
        environment: what its users are.
        stage: where it stands.
        stable: what serves; None before the first release.
        previous: what served before, and can again.
        ask: what is being done.
        step: the place among the weights.
        replaced: how many of the servers have the new release; on the way back 1 once what served has all requests.
        since: when the stage, or the step of it, began.
        promoted: when what serves was.
        outcome: how the last roll ended.
        reason: why it ended so.
        done: the name of the last request that was followed, or refused.
    """

    environment: Environment = "production"
    stage: Stage = Stage.SETTLED
    stable: Release | None = None
    previous: Release | None = None
    ask: Order | None = None
    step: int = 0
    replaced: int = 0
    since: float = 0.0
    promoted: float = 0.0
    outcome: str = ""
    reason: str = ""
    done: str = ""

    @property
    def candidate(self) -> Release | None:
        """What is being tried or promoted."""
        return self.ask.release if self.ask is not None and self.stage in (*TRIED, Stage.PROMOTING) else None

    @property
    def limits(self) -> Limits:
        """The thresholds of this roll."""
        return self.ask.limits if self.ask is not None else Limits()


@dataclass(frozen=True)
class Slot:
    """A place for a server, as it is.

    Args:
        release: what runs there; None for nothing.
        beside: the artifact that is compared there.
        ready: whether it says that it takes requests.
        foreign: in which way it is not what its release says: version, commit or artifact.
        weight: its share of the requests.
        idle: whether it works on none, or had its time to end them.
        died: how often it ended by itself since the stage began.
        age: seconds since it was first seen there.
        why: nothing could be started there.
    """

    release: Release | None = None
    beside: Release | None = None
    ready: bool = False
    foreign: str = ""
    weight: int = 0
    idle: bool = True
    died: int = 0
    age: float = 0.0
    why: str = ""

    @property
    def sound(self) -> bool:
        """Whether it takes requests, and is what its release says."""
        return self.ready and not self.foreign


@dataclass(frozen=True)
class Evidence:
    """What is known at one moment.

    Args:
        now: seconds.
        slots: the places by name; `canary` is the new release's, all others are those of what serves.
        canary: counts of the new release since the step began.
        stable: counts of what serves since then.
        smoke: why the smoke test failed; nothing when it passed; None when it was not made.
        restarted: whether the guard has just come back.
        ask: what is asked for.
        live: labels that ever came back for what serves.
        before: and for what served before.
        floor: the least accuracy that is wanted.
    """

    now: float
    slots: Mapping[str, Slot]
    canary: Counts = field(default_factory=Counts)
    stable: Counts = field(default_factory=Counts)
    smoke: str | None = None
    restarted: bool = False
    ask: Order | None = None
    live: Counts = field(default_factory=Counts)
    before: Counts = field(default_factory=Counts)
    floor: float = 0.0
    servers: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "servers", tuple(sorted(set(self.slots) - {CANARY})))
