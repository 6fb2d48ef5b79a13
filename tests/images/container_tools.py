"""buildah, podman and a registry on this machine, with storage in a test's folder."""

import http.client
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port

# Limits of every container. Health is checked by the tests, so no systemd is needed for it.
_BOUND = (
    "--no-healthcheck",
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--memory=256m",
    "--pids-limit=64",
)
_RUNS = """[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
netns = "host"
{volumes}
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
_STORAGE = """[storage]
driver = "overlay"
graphroot = "{folder}/graph"
runroot = "{folder}/run"
"""
_REGISTRY = """version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}/registry}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""
_INCLUDED = "ca-certificates,python3,python3-venv,python-is-python3"
# Debian's Python in the shape of the image that Dockerfile starts from: without bytecode, with pip under /usr/local.
_SHAPE = """set -e
find "$1/usr" -name '*.pyc' -delete
site="$1/usr/local/lib/python3.11/site-packages"
mkdir -p "$site"
for wheel in "$1"/usr/share/python-wheels/pip-*.whl; do python3 -m zipfile -e "$wheel" "$site"; done
echo 'exec python3 -m pip "$@"' > "$1/usr/local/bin/pip"
chmod 755 "$1/usr/local/bin/pip"
"""


def run(*command: str, stdin: str | None = None) -> str:
    """Run a program that must succeed; return its output."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=600)
    assert not done.returncode, f"{' '.join(command)}\n{done.stderr}"
    return done.stdout


def settings(folder: Path) -> dict[str, str]:
    """The variables by which these programs keep to a folder.

    A build gets the machine's own certificate authorities from SSL_CERT_FILE.
    """
    authorities = os.environ.get("SSL_CERT_FILE")
    volumes = f'volumes = ["{authorities}:/etc/ssl/certs/ca-certificates.crt:ro"]' if authorities else ""
    (folder / "storage.conf").write_text(_STORAGE.format(folder=folder), encoding="utf-8")
    (folder / "builds.conf").write_text(_RUNS.format(volumes=volumes), encoding="utf-8")
    (folder / "runs.conf").write_text(_RUNS.format(volumes=""), encoding="utf-8")
    return {
        "CONTAINERS_STORAGE_CONF": f"{folder}/storage.conf",
        "CONTAINERS_CONF": f"{folder}/builds.conf",
        "BUILDAH_ISOLATION": "chroot",
    }


def clear(folder: Path) -> None:
    """Remove the containers of a folder and its storage: some GB, which pytest would keep for three runs.

    `podman system reset` would ignore the settings of networks.
    """
    run("podman", "rm", "--all", "--force", "--time", "0")
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    for place in reversed([mount for mount in mounts if Path(mount).is_relative_to(folder)]):
        run("umount", place)
    for name in ("graph", "run", "registry"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "base.tar").unlink(missing_ok=True)


@contextmanager
def registry(folder: Path) -> Iterator[str]:
    """Run Debian's image registry until the block ends; yield its address."""
    address = f"127.0.0.1:{free_port()}"
    file = folder / "registry.yml"
    file.write_text(_REGISTRY.format(folder=folder, port=address.partition(":")[2]), encoding="utf-8")
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(file)], stdout=log, stderr=log)
    try:
        assert reply(address, "/v2/") is not None, (folder / "registry.log").read_text(encoding="utf-8")
        yield address
    finally:
        process.kill()
        process.wait(20)


def make_base(folder: Path, name: str) -> None:
    """Make a base of Debian's packages, and send it to a registry under a name."""
    hook = folder / "shape.sh"
    hook.write_text(f"#!/bin/sh\n{_SHAPE}", encoding="utf-8")
    hook.chmod(0o755)
    packages = ("--variant=minbase", f"--include={_INCLUDED}", f"--customize-hook={hook}")
    run("mmdebstrap", *packages, "bookworm", str(folder / "base.tar"))
    run("podman", "import", "--quiet", str(folder / "base.tar"), name)
    run("buildah", "push", "--tls-verify=false", name, f"docker://{name}")


def podman(*arguments: str, stdin: str | None = None) -> str:
    """Run podman with the settings of runs, not of builds; return its output."""
    settings_of_runs = os.environ["CONTAINERS_CONF"].replace("builds.conf", "runs.conf")
    return run("env", f"CONTAINERS_CONF={settings_of_runs}", "podman", *arguments, stdin=stdin)


@contextmanager
def container(image: str, *options: str, podman_options: Sequence[str] = ()) -> Iterator[str]:
    """Run a container of the service until the block ends; yield its ID.

    Args:
        image: its name.
        options: of the service.
        podman_options: more options of podman.
    """
    name = podman("run", "--detach", *_BOUND, *podman_options, image, *options).strip()
    try:
        yield name
    finally:
        podman("rm", "--force", "--time", "0", name)


@contextmanager
def served(image: str, *options: str, podman_options: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    """Run a container until the block ends; once it is ready, yield its ID and its address."""
    address, metrics = (f"127.0.0.1:{free_port()}" for _ in range(2))
    ports = ("--port", address.partition(":")[2], "--metrics-port", metrics.partition(":")[2])
    with container(image, *ports, *options, podman_options=podman_options) as name:
        assert reply(address, "/v2/health/ready") is not None, podman("logs", name)
        yield name, address


def python(image: str, code: str) -> str:
    """Run Python code in a new container; return its output."""
    entry = ("--rm", *_BOUND, "--entrypoint", "/opt/venv/bin/python")
    return podman("run", *entry, image, "-I", "-c", code)


def reply(address: str, path: str, body: object = None) -> bytes | None:
    """The body of the first answer with status 200; None after a minute without one."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        client = http.client.HTTPConnection(address, timeout=60)
        try:
            client.request(*(("GET", path) if body is None else ("POST", path, json.dumps(body))))
            answer = client.getresponse()
            if answer.status == 200:
                return answer.read()
        except OSError:
            pass
        finally:
            client.close()
        time.sleep(0.02)
    return None
