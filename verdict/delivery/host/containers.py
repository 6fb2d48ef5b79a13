"""Servers as containers, whose images are named by digest."""

import json
import re
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verdict.base.errors import VerdictError
from verdict.delivery.host.servers import RELEASE, Ports, Running
from verdict.delivery.host.state import Release

# For a command that may pull an image over a slow line, and for any other command of the engine.
_SECONDS, _SOON = 600.0, 20.0
_VERSION = "org.opencontainers.image.version"


@dataclass(frozen=True)
class Containers:
    """Containers of podman or docker, read-only and without rights; they go on when the guard ends.

    Args:
        engine: the program.
        ports: of each slot.
        folder: holds the artifacts copied out of images.
        options: more options of `run`, such as `--network`.
        receipt_key: file of the key that all of them sign receipts with.
    """

    engine: str
    ports: dict[str, Ports]
    folder: Path
    options: tuple[str, ...] = ()
    receipt_key: Path | None = None

    def running(self, slot: str) -> Running | None:
        """The server in a slot; None where there is none."""
        done = self._run("inspect", "--type", "container", _name(slot), check=False)
        if done.returncode:
            return None
        (container,) = json.loads(done.stdout)
        self._require_port(slot, (container["HostConfig"]["PortBindings"] or {}).get("8000/tcp"))
        labels = container["Config"]["Labels"] or {}
        try:
            release, beside = (RELEASE.validate_json(labels[f"verdict.host.{name}"]) for name in ("release", "beside"))
        except (KeyError, ValueError):
            release = beside = None
        if release is None:
            raise VerdictError(_name(slot), "a container that no guard started", f"{self.engine} rm -f {_name(slot)}")
        return Running(release, beside, container["State"]["Running"], container["Id"])

    def start(self, slot: str, release: Release, beside: Release | None) -> None:
        """Start a container; the artifact beside is mounted read-only; `VerdictError` when that fails."""
        _require_digest(release)
        ports, labels = self.ports[slot], {"release": release, "beside": beside}
        command = ["run", "--detach", "--name", _name(slot), "--read-only", "--tmpfs", "/tmp:size=16m"]  # noqa: S108
        command += ["--cap-drop", "all", "--security-opt", "no-new-privileges", "--pids-limit", "64", *self.options]
        command += ["-p", f"127.0.0.1:{ports.users}:8000", "-p", f"127.0.0.1:{ports.metrics}:8001"]
        for name, value in labels.items():
            command += ["--label", f"verdict.host.{name}={RELEASE.dump_json(value).decode()}"]
        mounts = {"beside": self.artifact(beside) if beside else None, "receipt-key": self.receipt_key}
        paths = {name: path.absolute() for name, path in mounts.items() if path is not None}
        command += [part for name, path in paths.items() for part in ("--volume", f"{path}:/{name}:ro")]
        self._run(*command, release.image, *(f"--{name}=/{name}" for name in paths))

    def _require_port(self, slot: str, bound: list[dict[str, str]] | None) -> None:
        """Refuse a container of another guard of this user, which would have the same name."""
        port = str(self.ports[slot].users)
        if bound and bound[0]["HostPort"] != port:
            what = f"has port {bound[0]['HostPort']}, and host.toml says {port}"
            remedy = f"a user of its own for each guard; if you changed the port, `{self.engine} rm -f {_name(slot)}`"
            raise VerdictError(_name(slot), what, remedy)

    def stop(self, slot: str) -> None:
        """Kill and remove the container; its last lines stay in SLOT.log in the guard's folder."""
        self._run("kill", _name(slot), check=False)  # it may have ended
        logs = self._run("logs", "--tail", "1000", _name(slot), check=False)
        if not logs.returncode:
            with suppress(OSError):  # a full disk
                self.folder.with_name(f"{slot}.log").write_text(logs.stdout + logs.stderr, encoding="utf-8")
        self._run("rm", "--force", _name(slot))

    def artifact(self, release: Release) -> Path:
        """The folder of a release's artifact, copied out of its image once, and named by its hash."""
        _require_digest(release)
        folder = self.folder / release.artifact
        if not folder.is_dir():
            partial, container = folder.with_suffix(".partial"), f"verdict-copy-{release.artifact[:12]}"
            shutil.rmtree(partial, ignore_errors=True)
            self.folder.mkdir(parents=True, exist_ok=True)
            self._run("rm", "--force", container, check=False)
            self._run("create", "--name", container, release.image)
            self._run("cp", f"{container}:/app/models/classifier", str(partial))
            self._run("rm", "--force", container)
            partial.rename(folder)
        return folder

    def prune(self, needed: set[str], keep: int) -> list[str]:
        """Remove images of releases but for those needed and the newest, and copies of artifacts without an image."""
        done = self._run("images", "--filter", "label=verdict.artifact", "--no-trunc", "--quiet")
        ids = set(done.stdout.split())
        images = [json.loads(self._run("inspect", "--type", "image", image).stdout)[0] for image in ids]
        images.sort(key=_version, reverse=True)
        removed = [image for image in images[keep:] if not needed.intersection(image["RepoDigests"])]
        for image in removed:
            self._run("rmi", image["Id"])
        artifacts = {image["Config"]["Labels"]["verdict.artifact"] for image in images if image not in removed}
        for copy in self.folder.glob("*"):
            if copy.name.removesuffix(".partial") not in artifacts:  # a copy that is being made stays
                shutil.rmtree(copy)
        return [image["RepoDigests"][0] if image["RepoDigests"] else image["Id"] for image in removed]

    def _run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        seconds = _SECONDS if command[0] in ("run", "create", "cp") else _SOON
        try:
            done = subprocess.run(
                [self.engine, *command], capture_output=True, text=True, errors="replace", check=False, timeout=seconds
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            what = f"cannot be run: {error}"
            raise VerdictError(self.engine, what, f"`{self.engine} ps` by hand; else install it") from None
        if check and done.returncode:
            errors = done.stderr.strip().splitlines() or ["nothing"]
            raise VerdictError(f"{self.engine} {command[0]}", errors[-1], "the same command by hand says more")
        return done


def _version(image: dict[str, Any]) -> list[int]:
    """The numbers of an image's release; its time of creation says nothing: it is 1970 in all."""
    return [int(part) for part in re.findall("[0-9]+", image["Config"]["Labels"].get(_VERSION, ""))]


def _name(slot: str) -> str:
    return f"verdict-{slot}"


def _require_digest(release: Release) -> None:
    if "@sha256:" not in release.image:
        remedy = "a release of `verdict release list`: it names its image by digest"
        raise VerdictError(release.image, "an image that is not named by digest can be another one tomorrow", remedy)
