"""The places for servers as containers, by digest."""

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

# An image pulled for the first time, over a slow line; whatever else is asked of an engine.
_SECONDS, _SOON = 600.0, 20.0
_VERSION = "org.opencontainers.image.version"


@dataclass(frozen=True)
class Containers:
    """Containers of podman or docker: read-only, without rights, by digest.

    Args:
        engine: the program.
        ports: of each place.
        folder: where artifacts of images are kept.
        options: more of `run`, such as `--network`.
        receipt_key: what all of them sign receipts with.
    """

    engine: str
    ports: dict[str, Ports]
    folder: Path
    options: tuple[str, ...] = ()
    receipt_key: Path | None = None

    def running(self, slot: str) -> Running | None:
        """What stands there."""
        done = self._run("inspect", "--type", "container", _name(slot), check=False)
        if done.returncode:
            return None
        (told,) = json.loads(done.stdout)
        self._require_port(slot, (told["HostConfig"]["PortBindings"] or {}).get("8000/tcp"))
        labels = told["Config"]["Labels"] or {}
        try:
            release, beside = (RELEASE.validate_json(labels[f"verdict.host.{name}"]) for name in ("release", "beside"))
        except (KeyError, ValueError):
            release = beside = None
        if release is None:
            raise VerdictError(_name(slot), "a container that no guard started", f"{self.engine} rm -f {_name(slot)}")
        return Running(release, beside, told["State"]["Running"], told["Id"])

    def start(self, slot: str, release: Release, beside: Release | None) -> None:
        """Start a container; the artifact beside is mounted read-only."""
        _require_digest(release)
        ports, labels = self.ports[slot], {"release": release, "beside": beside}
        command = ["run", "--detach", "--name", _name(slot), "--read-only", "--tmpfs", "/tmp:size=16m"]  # noqa: S108
        command += ["--cap-drop", "all", "--security-opt", "no-new-privileges", "--pids-limit", "64", *self.options]
        command += ["-p", f"127.0.0.1:{ports.users}:8000", "-p", f"127.0.0.1:{ports.metrics}:8001"]
        for name, value in labels.items():
            command += ["--label", f"verdict.host.{name}={RELEASE.dump_json(value).decode()}"]
        given = {"beside": self.artifact(beside) if beside else None, "receipt-key": self.receipt_key}
        mounted = {name: path.absolute() for name, path in given.items() if path is not None}
        command += [part for name, path in mounted.items() for part in ("--volume", f"{path}:/{name}:ro")]
        self._run(*command, release.image, *(f"--{name}=/{name}" for name in mounted))

    def _require_port(self, slot: str, bound: list[dict[str, str]] | None) -> None:
        """Two guards of one user have one container of each name: neither may end the other's."""
        wanted = str(self.ports[slot].users)
        if bound and bound[0]["HostPort"] != wanted:
            what = f"has port {bound[0]['HostPort']}, and host.toml says {wanted}"
            remedy = f"a user of its own for each guard; if you changed the port, `{self.engine} rm -f {_name(slot)}`"
            raise VerdictError(_name(slot), what, remedy)

    def stop(self, slot: str) -> None:
        """Kill and remove the container; its last lines stay, as SLOT.log in the guard's folder."""
        self._run("kill", _name(slot), check=False)  # of one that has ended there is nothing to kill
        said = self._run("logs", "--tail", "1000", _name(slot), check=False)
        if not said.returncode:
            with suppress(OSError):  # a full disk
                self.folder.with_name(f"{slot}.log").write_text(said.stdout + said.stderr, encoding="utf-8")
        self._run("rm", "--force", _name(slot))

    def artifact(self, release: Release) -> Path:
        """Copied out of the image once; the name is the hash that the smoke test compares."""
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
        """Of images with the label of a release, and with them the copies of artifacts that no image is left of."""
        done = self._run("images", "--filter", "label=verdict.artifact", "--no-trunc", "--quiet")
        found = [json.loads(self._run("inspect", "--type", "image", one).stdout)[0] for one in set(done.stdout.split())]
        found.sort(key=_version, reverse=True)
        removed = [one for one in found[keep:] if not needed.intersection(one["RepoDigests"])]
        for one in removed:
            self._run("rmi", one["Id"])
        left = {one["Config"]["Labels"]["verdict.artifact"] for one in found if one not in removed}
        for copy in self.folder.glob("*"):
            if copy.name.removesuffix(".partial") not in left:  # a copy that is being made stays
                shutil.rmtree(copy)
        return [one["RepoDigests"][0] if one["RepoDigests"] else one["Id"] for one in removed]

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
            said = done.stderr.strip().splitlines() or ["nothing"]
            raise VerdictError(f"{self.engine} {command[0]}", said[-1], "the same command by hand says more")
        return done


def _version(image: dict[str, Any]) -> list[int]:
    """The numbers of its release: the greatest is the newest, since all images say that they were made in 1970."""
    return [int(part) for part in re.findall("[0-9]+", image["Config"]["Labels"].get(_VERSION, ""))]


def _name(slot: str) -> str:
    return f"verdict-{slot}"


def _require_digest(release: Release) -> None:
    if "@sha256:" not in release.image:
        remedy = "a release of `verdict release list`: it names its image by digest"
        raise VerdictError(release.image, "an image that is not named by digest can be another one tomorrow", remedy)
