"""The file of a host: whose users it has, what gives out the requests, and where servers stand."""

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from verdict.base.errors import VerdictError
from verdict.delivery.host.host import Host
from verdict.delivery.host.proxy import Proxy
from verdict.delivery.host.servers import SERVE, Containers, Ports, Processes
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
        proxy = Proxy(self.socket, self.backend, tuple(self.places))
        if self.engine == PROCESSES:
            return Host(proxy, Processes(ports, self.folder / "processes", self.program), ports)
        return Host(proxy, Containers(self.engine, ports, self.folder / "artifacts", self.options), ports)


def load(path: Path) -> Settings:
    """Read a host.toml; `VerdictError` when it is missing or says something else."""
    try:
        return Settings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise VerdictError(str(path), "no such file: it says what serves on this host", _REMEDY) from None
    except tomllib.TOMLDecodeError as error:
        raise VerdictError(str(path), f"not TOML: {error}", _REMEDY) from None
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"])) or "places"
        raise VerdictError(str(path), f"{key}: {problem['msg']}", _REMEDY) from None
