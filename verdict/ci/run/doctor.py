"""`verdict doctor`: what this machine offers as a runner, and whether that is enough."""

import json
import os
import platform
import re
import shutil
import sys
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from verdict.base.documents import read
from verdict.base.errors import VerdictError
from verdict.base.numerics import hardware_class, settings
from verdict.ci.run import probes
from verdict.ci.run.probes import Answer

PINS = Path("requirements.txt")
GUIDE = "docs/runner.md"
_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;#]+)")
# A run takes some 0.2 GB for data, cache and artifact; the rest is room for a second one and for logs.
_LEAST_DISK = 2 * 2**30
_LEAST_DRIVER = {12: 525, 13: 580}  # by major version of CUDA: NVIDIA's minor version compatibility on Linux
_MEMORY_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


@dataclass(frozen=True)
class Facts:
    """What was found on a machine; sizes in bytes."""

    python: str
    processor: str
    cores: int
    memory: int
    memory_limit: int | None  # of the container, where it has one
    disk_free: int
    environment: dict[str, str | None]  # the pinned variables, as this process has them
    hardware_class: str  # of the processor
    pins: dict[str, tuple[str, str | None]]  # name: pinned version, installed version
    torch: Answer
    driver: Answer
    remote: Answer
    landlock: int  # its version; below 1 where there is none
    in_ci: bool  # where it is asked for


def gather(device: str, root: Path = Path()) -> Facts:
    """Ask the machine about the checkout at `root`. Takes some seconds, two minutes at most, whatever hangs.

    Raises:
        VerdictError: requirements.txt is missing.
    """
    return Facts(
        python=platform.python_version(),
        processor=processor(),
        cores=len(os.sched_getaffinity(0)),
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        memory_limit=_memory_limit(),
        disk_free=shutil.disk_usage(root).free,
        environment={name: os.environ.get(name) for name in settings()},
        hardware_class=hardware_class(),
        pins=_pins(root / PINS),
        torch=probes.ask("torch", device, probes.TORCH_SECONDS),
        driver=probes.driver() if device != "cpu" else {},
        remote=probes.ask("remote", str(root), probes.REMOTE_SECONDS),
        landlock=probes.landlock(),
        in_ci=os.environ.get("CI") == "true",
    )


def doctor(device: str | None, needs_remote: bool, as_json: bool, root: Path = Path()) -> bool:
    """Print what the machine offers, and on standard error what is missing.

    Args:
        device: what it must serve, `cpu`, `cuda` or `cuda:N`; by default train.device of params.yaml.
        needs_remote: whether the DVC remote must answer.
        as_json: one JSON object on standard output instead of a table.
        root: the checkout that it must serve; the code, this folder's, may be another's.

    Returns:
        Whether it can serve.
    """
    facts = gather(device := device or _wanted(root), root)
    found = problems(facts, device, needs_remote)
    if as_json:
        told = [{"where": problem.where, "what": problem.what, "remedy": problem.remedy} for problem in found]
        print(json.dumps({"serves": not found, "device": device, "problems": told, "facts": asdict(facts)}, indent=1))
    else:
        print(table(facts, device, found))
        for problem in found:
            print(f"error: {problem}", file=sys.stderr)
    return not found


def _wanted(root: Path) -> str:
    """The device that params.yaml names; all else in there is not this command's business."""
    path = root / "params.yaml"
    try:
        return str(read(path, f"git diff {path}")["train"]["device"])
    except (FileNotFoundError, TypeError, KeyError):
        raise VerdictError(str(path), "names no train.device", f"git checkout {path}, or --device cpu") from None


def table(facts: Facts, device: str, found: list[VerdictError]) -> str:
    """One fact a line, its name in a column of its own."""
    rows = {
        "python": facts.python,
        "device": _device(facts, device),
        "processor": facts.processor,
        "cores": str(facts.cores),
        "memory": _memory(facts),
        "disk": f"{_gib(facts.disk_free)} free",
        "hardware class": facts.hardware_class if device == "cpu" else _gpu_class(facts),
        "determinism": _determinism(facts),
        "pins": _pinned(facts),
        "remote": _remote(facts.remote),
        "isolation": f"Landlock {facts.landlock}" if facts.landlock > 0 else "none: this kernel offers no Landlock",
        "serves": device if not found else f"no: {len(found)} problem{'s' if len(found) > 1 else ''}",
    }
    width = max(map(len, rows))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows.items())


def problems(facts: Facts, device: str, needs_remote: bool) -> list[VerdictError]:
    """All that keeps a machine with these facts from serving."""
    found = _gpu_problems(facts, device) if device != "cpu" else []
    if "error" in facts.torch and (device == "cpu" or "version" not in facts.torch):
        found.append(VerdictError("torch", facts.torch["error"], f"pip install -r {PINS}"))
    found += [*_number_problems(facts), *_pin_problems(facts)]
    if facts.disk_free < _LEAST_DISK:
        what = f"{_gib(facts.disk_free)} free, {_gib(_LEAST_DISK)} wanted"
        found.append(VerdictError("disk", what, "give the runner a larger disk, or remove old images and caches"))
    if facts.landlock < 1 and facts.in_ci:
        what = "this kernel offers none, so a stage could read what it does not declare"
        found.append(VerdictError("Landlock", what, f"Linux 5.13 or newer, see {GUIDE}"))
    return found + (_remote_problems(facts.remote) if needs_remote else [])


def _gpu_problems(facts: Facts, device: str) -> list[VerdictError]:
    """The first thing that stands between torch and the GPU: the others follow from it."""
    if "version" not in facts.torch:
        return []  # told with torch itself
    found = _build_problem(facts.torch) or _driver_problem(facts) or _cuda_problem(facts.torch, device)
    return [found] if found else []


def _build_problem(torch: Answer) -> VerdictError | None:
    if torch["cuda"] is not None:
        return None
    remedy = f"with pip's default index: pip uninstall --yes torch && pip install -r {PINS}"
    return VerdictError("torch", f"{torch['version']} is a build for the CPU", remedy)


def _driver_problem(facts: Facts) -> VerdictError | None:
    if "error" in facts.driver:
        remedy = f"start the container with its GPU, or mend the host's driver (nvidia-smi there); {GUIDE}"
        return VerdictError("driver", facts.driver["error"], remedy)
    version = next((gpu.get("driver", "") for gpu in facts.driver.get("gpus", [])), "")
    major, cuda = version.partition(".")[0], facts.torch["cuda"]
    least = _LEAST_DRIVER.get(int(cuda.partition(".")[0]), 0)
    if not major.isdecimal() or int(major) >= least:
        return None
    what = f"{version} is too old: CUDA {cuda} of torch needs {least} or newer"
    return VerdictError("driver", what, "update the driver of the host and restart it")


def _cuda_problem(torch: Answer, device: str) -> VerdictError | None:
    seen = torch.get("gpus", 0)
    if "error" in torch or seen <= int(device.partition(":")[2] or 0):
        what = torch.get("error") or f"not there, torch sees {seen} GPUs"
        return VerdictError(device, what, f"nvidia-smi -L; {GUIDE} has the usual causes")
    if torch.get("calculates"):
        return None
    what = "the same calculation gave other bytes the second time, or no numbers"
    return VerdictError(device, what, "take the machine out of service, then look at nvidia-smi -q -d ECC")


def _number_problems(facts: Facts) -> list[VerdictError]:
    """Settings without which the same inputs give other bytes."""
    have = facts.environment
    wrong = [
        f"{name} is {have.get(name)}, not {value}" for name, value in settings().items() if have.get(name) != value
    ]
    found = []
    if wrong:
        found.append(
            VerdictError("determinism", "; ".join(wrong), "find what changes them after classifier is imported")
        )
    if facts.torch.get("threads", 1) != 1:
        what = f"torch uses {facts.torch['threads']} threads, not 1"
        found.append(VerdictError("determinism", what, "look for what sets torch's threads: grep -rn set_num_threads"))
    instructions = facts.torch.get("instructions", "AVX2")
    if facts.hardware_class.endswith("avx2") and instructions != "AVX2":
        what = f"no AVX2 (torch uses {instructions}): results would differ from those of {facts.hardware_class}"
        found.append(VerdictError("processor", what, "take another type of machine, or another model of virtual CPU"))
    return found


def _pin_problems(facts: Facts) -> list[VerdictError]:
    wrong = [
        f"{name} {have or 'is missing'}, pinned {want}" for name, (want, have) in facts.pins.items() if have != want
    ]
    if not wrong:
        return []
    shown = "; ".join(wrong[:5]) + (f"; and {len(wrong) - 5} more" if len(wrong) > 5 else "")
    return [VerdictError(str(PINS), shown, f"pip install -r {PINS}")]


def _remote_problems(remote: Answer) -> list[VerdictError]:
    if "error" in remote:
        what = remote["error"] if "url" not in remote else f"{remote['url']}: {remote['error']}"
        return [VerdictError("remote", what, "dvc remote list; check its address, the network and the credentials")]
    if not remote.get("name"):
        return [VerdictError("remote", "none is configured", "dvc remote add --default <name> <address>")]
    if not remote["there"]:
        remedy = f"dvc remote modify {remote['name']} url <an address that other machines reach>"
        return [VerdictError("remote", f"{remote['url']}: no such folder yet", remedy)]
    return []


def _device(facts: Facts, device: str) -> str:
    if device == "cpu":
        return "cpu"
    torch, gpus = facts.torch, facts.driver.get("gpus", [])
    name = torch.get("name") or (gpus[0].get("name") if gpus else "no GPU")
    memory = torch.get("memory") or (gpus[0].get("memory") if gpus else "")
    driver = f"driver {gpus[0].get('driver')}" if gpus else facts.driver.get("error", "no driver")
    cuda = f"CUDA {torch['cuda']}" if torch.get("cuda") else "torch without CUDA"
    return ", ".join(part for part in (f"{device}: {name}", memory, driver, cuda) if part)


def _gpu_class(facts: Facts) -> str:
    name = facts.torch.get("class")
    return f"{name}, on the CPU {facts.hardware_class}" if name else "unknown: no GPU calculates"


def _memory(facts: Facts) -> str:
    limit = facts.memory_limit
    return _gib(facts.memory) + (f", of which this container may use {_gib(limit)}" if limit else "")


def _determinism(facts: Facts) -> str:
    wanted = settings()
    held = sum(facts.environment.get(name) == value for name, value in wanted.items())
    workspace = facts.environment.get("CUBLAS_WORKSPACE_CONFIG")
    threads, instructions = facts.torch.get("threads", "?"), facts.torch.get("instructions", "?")
    ours = f"{held} of {len(wanted)} settings in force, CUBLAS_WORKSPACE_CONFIG={workspace}"
    return f"{ours}; torch: threads {threads}, {instructions}"


def _pinned(facts: Facts) -> str:
    held = sum(have == want for want, have in facts.pins.values())
    return f"{held} of {len(facts.pins)} installed as {PINS} says; torch {facts.torch.get('version', '?')}"


def _remote(remote: Answer) -> str:
    if "error" in remote:
        named = f"{remote['name']} ({remote.get('url')}), " if remote.get("name") else ""
        return f"{named}not reached: {remote['error']}"
    if not remote.get("name"):
        return "none configured"
    state = "reached"
    if remote["folder"]:
        state = "a folder of this machine" + ("" if remote["there"] else ", not there yet: the first push makes it")
    return f"{remote['name']} ({remote['url']}), {state}"


def _pins(path: Path) -> dict[str, tuple[str, str | None]]:
    """Each pinned package with its pinned and its installed version; a build's suffix (`+cpu`) counts for nothing."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise VerdictError(str(path), "no such file", "run from the root of the repository") from None
    matches = [match for match in map(_PIN.match, lines) if match]
    return {match[1]: (match[2], _installed(match[1])) for match in matches}


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name).partition("+")[0]
    except metadata.PackageNotFoundError:
        return None


def processor() -> str:
    """The model of the processor as Linux names it, else the architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory_limit() -> int | None:
    """What the container may use, where that is less than the machine has."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _MEMORY_LIMITS:
        if path.is_file() and (text := path.read_text(encoding="ascii").strip()).isdecimal():
            return int(text) if int(text) < machine else None
    return None


def _gib(size: int) -> str:
    return f"{size / 2**30:.0f} GiB"
