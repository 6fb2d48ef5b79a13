"""host.toml: the environment of a host, its engine, its proxy and its slots for servers."""

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from verdict.base.errors import VerdictError
from verdict.delivery.host.containers import Containers
from verdict.delivery.host.host import Host
from verdict.delivery.host.labels import Labels
from verdict.delivery.host.proxy import Proxy
from verdict.delivery.host.servers import SERVE, Ports, Processes
from verdict.delivery.host.state import CANARY, Environment

_REMEDY = "see deploy/compose/host.toml, and docs/delivery.md"


class Settings(BaseModel):
    """The content of host.toml.

    Args:
        environment: of its users.
        folder: of the guard's state.
        engine: podman, docker, or `processes` for a machine that has neither.
        options: more options of the engine's `run`.
        program: of `processes`, the command that serves.
        socket: haproxy's admin socket.
        backend: of haproxy, with a server for each slot.
        receipt_key: file of the key that all servers sign receipts with; else each has its own.
        feedback: URL of the metrics of the process that counts labels.
        floor: the least accuracy, by these labels, that a release may have while it is watched.
        slots: `places` in the file: the slots of this host by name, each with its ports for users and for Prometheus;
            `canary` is among them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    environment: Environment
    folder: Path
    engine: str
    options: tuple[str, ...] = ()
    program: tuple[str, ...] = SERVE
    socket: Path
    backend: str = "classifier"
    receipt_key: Path | None = None
    feedback: Annotated[str, Field(pattern="^http://.")] | None = None
    floor: Annotated[float, Field(ge=0, lt=1)] = 0.0
    slots: dict[str, Ports] = Field(alias="places")

    @model_validator(mode="after")
    def _check_slots(self) -> "Settings":
        if CANARY not in self.slots or len(self.slots) < 2:
            raise ValueError(f"places must hold {CANARY}, and at least one other")
        ports = [port for pair in self.slots.values() for port in pair]
        if duplicate := next((port for port in ports if ports.count(port) > 1), None):
            raise ValueError(f"port {duplicate} is given twice")
        return self

    def host(self) -> Host:
        """Return the host that this describes."""
        servers: Processes | Containers
        if self.engine == "processes":
            servers = Processes(self.slots, self.folder / "processes", self.program, self.receipt_key)
        else:
            folder = self.folder / "artifacts"
            servers = Containers(self.engine, self.slots, folder, self.options, self.receipt_key)
        proxy = Proxy(self.socket, self.backend, tuple(self.slots))
        return Host(proxy, servers, self.slots, Labels(self.feedback or "", self.floor))


def load(path: Path) -> Settings:
    """Read a host.toml; `VerdictError` when it is missing or invalid."""
    try:
        return Settings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise VerdictError(str(path), "no such file: it says what serves on this host", _REMEDY) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise VerdictError(str(path), f"not TOML: {error}", _REMEDY) from None
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"])) or "places"
        raise VerdictError(str(path), f"{key}: {problem['msg']}", _REMEDY) from None
