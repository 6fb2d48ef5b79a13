"""The file of a host: whose users it has, what gives out the requests, and where servers stand."""

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

PROCESSES = "processes"
_REMEDY = "see deploy/compose/host.toml, and docs/delivery.md"
_Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseModel):
    """What host.toml says.

    Args:
        environment: whose users.
        folder: where the guard keeps its state.
        engine: podman, docker, or `processes` for a machine that has neither.
        options: more of the engine's `run`.
        program: of `processes`, what serves.
        socket: haproxy's admin socket.
        backend: of haproxy, with a server for each place.
        receipt_key: what each server signs receipts with; else each has a key of its own.
        feedback: the metrics of the process that counts labels which come back.
        floor: the least accuracy, by these labels, that a release may have while it is watched.
        places: by name the ports for users and for Prometheus; `canary` is among them.
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
    places: dict[str, tuple[_Port, _Port]]

    @model_validator(mode="after")
    def _has_a_canary(self) -> "Settings":
        if CANARY not in self.places or len(self.places) < 2:
            raise ValueError(f"places must hold {CANARY}, and at least one other")
        ports = [port for pair in self.places.values() for port in pair]
        if twice := next((port for port in ports if ports.count(port) > 1), None):
            raise ValueError(f"port {twice} is given twice")
        return self

    def host(self) -> Host:
        """The host that this describes."""
        ports = {name: Ports(*pair) for name, pair in self.places.items()}
        labels = Labels(self.feedback or "", self.floor)
        proxy = Proxy(self.socket, self.backend, tuple(self.places))
        if self.engine == PROCESSES:
            processes = Processes(ports, self.folder / "processes", self.program, self.receipt_key)
            return Host(proxy, processes, ports, labels)
        containers = Containers(self.engine, ports, self.folder / "artifacts", self.options, self.receipt_key)
        return Host(proxy, containers, ports, labels)


def load(path: Path) -> Settings:
    """Read a host.toml; `VerdictError` when it is missing or says something else."""
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
