"""Files that would expand beyond memory are refused unexpanded; honest changes are far below the limits."""

import json
import subprocess
from collections.abc import Callable

import pytest

from tests.conftest import ROOT
from tests.dvc.ci import repository as plumbing
from tests.dvc.ci.repository import Repository
from tests.dvc.ci.test_candidate import merged
from verdict.base.documents import dump
from verdict.base.errors import VerdictError

repository = plumbing.repository
_AXIS = list(range(318))
_TRAIN = {"cmd": "echo", "deps": ["params.yaml"]}
_LONG = {**_TRAIN, "cmd": "x ${rate} " * 15}


def put(name: str, text: str) -> Callable[[Repository], None]:
    """A change that writes one file."""
    return lambda repository: repository.put(name, text)


def _dumped(document: object) -> str:
    """YAML without aliases for what occurs twice."""
    return dump(json.loads(json.dumps(document)))


def dag(files: dict[str, str] | None = None, **stages: object) -> Callable[[Repository], None]:
    """A change of dvc.yaml, and of files beside it."""

    def change(repository: Repository) -> None:
        repository.put("dvc.yaml", _dumped({"stages": stages}))
        for name, text in (files or {}).items():
            repository.put(name, text)

    return change


def variables(names: list[object], files: dict[str, str], **stages: object) -> Callable[[Repository], None]:
    """A change of dvc.yaml with variables from elsewhere."""

    def change(repository: Repository) -> None:
        dag(files, **stages)(repository)
        repository.put("dvc.yaml", _dumped({"vars": names, "stages": stages}))

    return change


_NUMBERS = f"seeds: {list(range(600))}\n"
_ALIASES = "a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\nc: [*b, *b]\n"
_EXPLOSIONS = {
    "a matrix": dag(train={"matrix": dict.fromkeys("abc", _AXIS), **_TRAIN}),
    "stages that add up": dag(
        None, **{f"s{number}": {"foreach": list(range(200)), "do": _TRAIN} for number in range(3)}
    ),
    "a list of the params": dag({"params.yaml": _NUMBERS}, train={"foreach": "${seeds}", "do": _TRAIN}),
    "a list of another file": variables(
        ["more.yaml"], {"more.yaml": _NUMBERS}, train={"matrix": {"seed": "${ seeds }"}, **_TRAIN}
    ),
    "a list of nowhere": dag(train={"foreach": "${nowhere}", "do": _TRAIN}),
    "a list of the variables": variables(
        [{"seeds": [*_AXIS, *_AXIS]}], {}, train={"foreach": "${seeds}", "do": _TRAIN}
    ),
    "a list within a list": dag(
        {"params.yaml": f"seeds: [{_AXIS}]\n"}, train={"matrix": dict.fromkeys("ab", "${seeds[0]}"), **_TRAIN}
    ),
    "a list that nobody can look up": dag(train={"matrix": {"a": "${seeds['x']}"}, **_TRAIN}),
    "groups of one name": variables(
        [{"seeds": {f"{part}-{number}": number for number in range(100)}} for part in range(6)],
        {},
        train={"foreach": "${seeds}", "do": _TRAIN},
    ),
    "a long text, often": dag({"params.yaml": f"long: {'x' * 100_000}\n"}, train={"cmd": "${long} " * 15_000}),
    "aliases of variables": variables(["more.yaml"], {"more.yaml": _ALIASES}, train=_TRAIN),
    "aliases of params": dag({"more.yml": _ALIASES}, train={**_TRAIN, "params": [{"more.yml": ["c"]}]}),
    "aliases of variables elsewhere": dag(
        {"sub/more.yaml": _ALIASES}, train={**_TRAIN, "wdir": "sub", "vars": ["more.yaml:c"]}
    ),
    "a long file of params": dag(
        {"more.json": f'["{"x" * 400_000}"]'}, train={**_TRAIN, "params": [{"more.json": []}]}
    ),
    "a large file": put("large.bin", "x" * 51_000_000),
}
_REASONS = (
    r"500 stages are exceeded by (train|s2)|can become more text|more\.ya?ml: uses aliases"
    r"|more\.json: 400,004 characters long|large\.bin: has 51 MB"
)


@pytest.mark.parametrize("change", _EXPLOSIONS.values(), ids=_EXPLOSIONS)
def test_what_would_explode_is_refused(repository: Repository, change: Callable[[Repository], None]) -> None:
    """Main's code refuses the text before DVC or git has expanded any of it."""
    repository.branch("change")
    change(repository)
    with pytest.raises(VerdictError, match=_REASONS):
        merged(repository, repository.commit())


def test_folders_that_hold_each_other_are_refused(repository: Repository) -> None:
    """Ten folders of ten of ten …: 70 objects that stand for 10^9 files, of which git lists the first."""
    tree = repository.git("rev-parse", "main^{tree}")
    for _ in range(9):
        lines = "".join(f"040000 tree {tree}\tf{number}\n" for number in range(10))
        made = subprocess.run(
            ["git", "mktree"], cwd=repository.path, input=lines, text=True, capture_output=True, check=True
        )
        tree = made.stdout.strip()
    head = repository.git("commit-tree", tree, "-p", "main", "-m", "bomb")
    with pytest.raises(VerdictError, match="more files than the judge can list"):
        merged(repository, head)


_HONEST = {
    "this repository's": dag(
        {"params.yaml": (ROOT / "params.yaml").read_text(encoding="utf-8")},
        train={"foreach": ["linear", "bag"], "do": {"cmd": "python -I -m stages.train ${item}", "params": ["train"]}},
    ),
    "a matrix of 400": dag(train={"matrix": {"a": list(range(20)), "b": list(range(20))}, "cmd": "x ${item.a}"}),
    "lists of the params": dag(
        {"params.yaml": "models: {a: 1, b: 2}\ngroups:\n  seeds: [1, 2, 3]\n"},
        train={"matrix": {"model": "${models}", "seed": "${groups.seeds}"}, "cmd": "x"},
        each={"foreach": "${models}", "do": {"cmd": "${item}"}},
    ),
    "ten stages of 40 each, with long params": dag(
        {"params.yaml": "rate: 1\n" + "# a comment\n" * 2_000},
        **{f"s{number}": {"foreach": list(range(40)), "do": _LONG} for number in range(10)},
    ),
    "a list within a list": dag(
        {"params.yaml": "seeds: [[1, 2], [3]]\n"}, train={"foreach": "${seeds[0]}", "do": _TRAIN}
    ),
    "variables in JSON": variables(
        ["more.json"], {"more.json": '{"a":\t[1, 2]}'}, train={"foreach": "${a}", "do": _TRAIN}
    ),
    "a file of 10 MB": put("picture.bin", "x" * 10_000_000),
}


@pytest.mark.parametrize("change", _HONEST.values(), ids=_HONEST)
def test_what_people_write_is_merged(repository: Repository, change: Callable[[Repository], None]) -> None:
    """Hundreds of stages, lists from the params, a large picture."""
    repository.branch("change")
    change(repository)
    assert merged(repository, repository.commit()).tree
