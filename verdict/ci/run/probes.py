"""What a runner's GPU, libraries and DVC remote answer, each asked in a process of its own and with a limit of time.

A driver that hangs and a server that is down make a library wait for minutes, and nothing in Python can interrupt it: a
process can be ended. `python -I -m verdict.ci.run.probes torch cuda` prints what it finds, as it finds it, as JSON
lines.
"""

import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

TORCH_SECONDS = 90  # the first CUDA context of a machine takes some 10 s
REMOTE_SECONDS = 20
DRIVER_SECONDS = 15
Answer = dict[str, Any]


def ask(probe: str, argument: str, seconds: float) -> Answer:
    """The answer of a probe from another process.

    Returns:
        What the probe told until it ended or was ended after `seconds`; with `error`, one line, where it failed.
    """
    command = [sys.executable, "-I", "-m", "verdict.ci.run.probes", probe, argument]
    # What a git hook says of its own repository is not meant for DVC, which would follow it.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, check=False, env=variables)
    except subprocess.TimeoutExpired as ended:
        return {**_lines(ended.stdout or b""), "error": f"no answer within {seconds:g} s"}
    found = _lines(done.stdout)
    if done.returncode != 0:
        reason = _last_line(done.stderr.decode(errors="replace")) or f"ended with code {done.returncode}"
        found.setdefault("error", reason)
    return found


def _lines(output: bytes) -> Answer:
    """What a probe has told: objects, one a line, which add up. Libraries may print lines of their own between them."""
    found: Answer = {}
    for line in output.decode(errors="replace").splitlines():
        try:
            told = json.loads(line)
        except ValueError:
            continue
        found |= told if isinstance(told, dict) else {}
    return found


def landlock() -> int:
    """The version of Landlock that this kernel has, by which stages are kept apart; below 1 where there is none."""
    return int(ctypes.CDLL(None).syscall(444, None, 0, 1))  # landlock_create_ruleset: the same on every architecture


def _tell(**facts: object) -> None:
    """Say what is known before going on to what may hang."""
    print(json.dumps(facts), flush=True)


def driver() -> Answer:
    """The GPUs as the driver itself counts them, without torch.

    Returns:
        `gpus`, each with `name`, `driver` and `memory` as nvidia-smi prints them; or only `error`.
    """
    if shutil.which("nvidia-smi") is None:
        return {"error": "no nvidia-smi"}
    command = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=DRIVER_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return {"error": f"nvidia-smi does not answer within {DRIVER_SECONDS} s"}
    if done.returncode != 0:
        return {"error": _last_line(done.stdout + done.stderr) or f"nvidia-smi ended with code {done.returncode}"}
    rows = [[cell.strip() for cell in line.split(",")] for line in done.stdout.splitlines() if line.strip()]
    return {"gpus": [dict(zip(("name", "driver", "memory"), row, strict=False)) for row in rows]}


def _torch(device: str) -> None:
    """What torch is and sees; for a GPU also whether it calculates, and twice the same."""
    import torch

    from verdict.base.numerics import hardware_class

    _tell(version=torch.__version__, cuda=torch.version.cuda)
    _tell(threads=torch.get_num_threads(), instructions=torch.backends.cpu.get_cpu_capability())
    if device == "cpu" or not torch.version.cuda:
        return
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]  # it says why there is none, `is_available` only that
        _tell(gpus=torch.cuda.device_count())
        memory = torch.cuda.get_device_properties(torch.device(device)).total_memory
        _tell(name=torch.cuda.get_device_name(torch.device(device)), memory=f"{memory / 2**30:.0f} GiB")
        _tell(**{"class": hardware_class(device), "calculates": _calculates(device)})
    except (RuntimeError, AssertionError) as error:
        _tell(error=str(error).partition("\n")[0][:300])  # what follows are hints for developers of CUDA code


def _calculates(device: str) -> bool:
    """Whether a product and its gradient, under the settings of the training, are the same bytes twice."""
    import torch

    torch.use_deterministic_algorithms(True)
    torch.manual_seed(0)
    left = torch.randn(256, 512).to(device).requires_grad_()
    right = torch.randn(512, 64).to(device)

    def gradient() -> torch.Tensor:
        (found,) = torch.autograd.grad((left @ right).square().sum(), left)
        return found.cpu()

    first = gradient()
    return bool(torch.isfinite(first).all()) and torch.equal(first, gradient())


def _remote(root: str) -> None:
    """DVC's default remote: name, address without credentials, whether it is a folder, and whether it answers."""
    from dvc.repo import Repo

    with Repo(root) as repo:
        name = repo.config["core"].get("remote")
        _tell(name=name)
        if not name:
            return
        _tell(url=_shown(str(repo.config["remote"].get(name, {}).get("url", "")), root))
        try:
            remote = repo.cloud.get_remote(name)
            folder = remote.fs.protocol == "local"
            _tell(folder=folder)
            if not folder:
                _list(remote.fs, remote.path)
            _tell(there=not folder or Path(remote.path).is_dir())
        except Exception as error:  # the library of each kind of store has exceptions of its own
            _tell(error=_reason(error))


def _list(file_system: Any, path: str) -> None:  # noqa: ANN401 - DVC has no types
    """List a remote's top, as `dvc pull` will. An empty one has no such path yet: then its bucket answers for it."""
    if file_system.protocol not in ("http", "https"):
        try:
            file_system.ls(path, detail=False)
        except FileNotFoundError:
            file_system.ls(path.partition("/")[0], detail=False)
        return
    try:
        file_system.info(path)
    except FileNotFoundError as error:  # so it calls everything; that the address itself is no page is as it should be
        if getattr(error.__cause__, "status", 404 if error.__cause__ is None else None) != 404:
            raise


def _reason(error: BaseException) -> str:
    """The innermost cause in one line, since DVC wraps what the server said; without keys that stand in an address."""
    while error.__cause__ is not None:
        error = error.__cause__
    return re.sub(r"//[^/@\s]+@", "//", _last_line(str(error))) or type(error).__name__


def without_credentials(url: str) -> str:
    """An address without user, password, query and fragment, in each of which a key may stand."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _shown(url: str, root: str) -> str:
    """An address for the table: a folder of this clone as seen from its root."""
    path, folder = Path(url), Path(root).resolve()
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else without_credentials(url)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


if __name__ == "__main__":
    {"torch": _torch, "remote": _remote}[sys.argv[1]](sys.argv[2])
