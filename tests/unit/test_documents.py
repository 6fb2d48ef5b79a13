"""README and the cards agree with the repository."""

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, require_example

COLUMNS = ("weighted_f1", "macro_f1", "accuracy", "mcc", "log_loss", "ece", "rating_r")


def cells(path: Path, first: str) -> list[str]:
    """The cells of the table row that begins with `first`, without emphasis."""
    for line in path.read_text(encoding="utf-8").splitlines():
        row = [cell.strip(" *") for cell in line.strip("|").split("|")]
        if line.startswith("|") and row[0] == first:
            return row[1:]
    raise AssertionError(f"{path}: no row {first}")


@pytest.fixture(scope="module")
def metrics() -> dict[str, Any]:
    """The committed scores, overall among the slices; skipped where `verdict init` took the example out."""
    require_example()
    document = json.loads((ROOT / "metrics/evaluation.json").read_text(encoding="utf-8"))
    return {**document["slices"], "overall": document["overall"]}


def test_the_readme_shows_the_committed_scores(metrics: dict[str, Any]) -> None:
    """The result row of the README holds the figures of metrics/evaluation.json, to three digits."""
    expected = [f"{metrics[name]['weighted_f1']:.3f}" for name in ("tweets", "movies", "products", "news", "overall")]
    assert cells(ROOT / "README.md", "this model") == expected


@pytest.mark.parametrize("name", ["overall", "tweets", "movies", "products", "news"])
def test_the_model_card_shows_the_committed_scores(metrics: dict[str, Any], name: str) -> None:
    """Each row of the model card holds the figures of metrics/evaluation.json, to three digits."""
    figures = metrics[name]
    expected = [f"{figures['n']:,}", *(f"{figures[column]:.3f}" for column in COLUMNS)]
    assert cells(ROOT / "models/README.md", name) == expected


@pytest.mark.parametrize("domain", ["tweets", "movies", "products", "news"])
def test_the_data_card_shows_the_committed_counts(domain: str) -> None:
    """The data card's class counts are those of metrics/data.json."""
    require_example()
    splits = json.loads((ROOT / "metrics/data.json").read_text(encoding="utf-8"))["splits"]
    counts = [splits[split]["classes"][domain] for split in ("train", "validation", "test")]
    expected = [" / ".join(f"{count[label]:,}" for label in ("negative", "neutral", "positive")) for count in counts]
    rows = (ROOT / "data/README.md").read_text(encoding="utf-8").split("## Numbers")[1].splitlines()
    row = next(line for line in rows if line.startswith(f"| {domain} |"))
    assert [cell.strip() for cell in row.strip("|").split("|")][1:] == expected


def test_links_between_documents_lead_somewhere() -> None:
    """Every relative link in a Markdown file points at a file of the repository."""
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path}: {target}"


def test_the_contributing_guide_names_what_is_there() -> None:
    """Each path in CONTRIBUTING.md exists, and a Python file has the names right after its path."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w.-]+/[\w./-]+)`((?:(?:,| and) `\w+`)*)", text)
    assert len(named) > 20
    for path, names in named:
        if "NAME" not in path and not path.startswith("data/raw"):
            assert (ROOT / path).exists(), path
            for name in re.findall(r"\w+", names):
                assert re.search(rf"\b{name}\b", (ROOT / path).read_text(encoding="utf-8")), f"{path}: {name}"


def test_the_tree_of_the_readme_is_the_repository() -> None:
    """Each folder and file in README.md's tree exists, and the tree has each package of verdict/."""
    (tree,) = re.findall(r"^## The house\n.*?^```text\n(.*?)^```$", _readme(), re.MULTILINE | re.DOTALL)
    above: list[str] = []
    found = set()
    for line in tree.splitlines():
        indent, name = re.match(r"( *)(\S+)", line).groups()  # type: ignore[union-attr]
        above[len(indent) // 2 :] = [name]
        path = "".join(above)
        assert (ROOT / path).exists(), path
        found.add(path)
    packages = {f"verdict/{file.parent.name}/" for file in (ROOT / "verdict").glob("*/__init__.py")}
    assert packages <= found
    assert packages


def _readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


# Of the units the one that starts another program.
HAPROXY = ROOT / "deploy/compose/haproxy.service"


@pytest.mark.parametrize("unit", sorted({*ROOT.glob("deploy/*/*.service")} - {HAPROXY}), ids=lambda path: path.name)
def test_a_unit_of_systemd_starts_in_a_checkout(unit: Path) -> None:
    """`verdict` finds its code in the current folder, which would be / otherwise, and ends."""
    message = dict(line.split("=", 1) for line in unit.read_text(encoding="utf-8").splitlines() if "=" in line)
    assert message["ExecStart"].startswith(f"{message['WorkingDirectory']}/.venv/bin/verdict ")


def test_a_timer_starts_the_unit_beside_it() -> None:
    """It has the name of a unit that runs once, and a time; a unit that comes back by itself would run on and on."""
    timers = sorted(ROOT.glob("deploy/*/*.timer"))
    assert [timer.name for timer in timers] == ["purge.timer"]
    for timer in timers:
        unit = timer.with_suffix(".service").read_text(encoding="utf-8").splitlines()
        assert ("Type=oneshot" in unit, any(line.startswith("Restart=") for line in unit)) == (True, False)
        lines = timer.read_text(encoding="utf-8").splitlines()
        assert {"OnCalendar=daily", "Persistent=true", "WantedBy=timers.target"} <= {*lines}


def test_haproxy_of_a_host_has_the_ports_of_its_guard() -> None:
    """The unit's ports and socket are those of host.toml."""
    host = tomllib.loads((ROOT / "deploy/compose/host.toml").read_text(encoding="utf-8"))
    unit = HAPROXY.read_text(encoding="utf-8")
    ports = {name.lower(): int(port) for name, port in re.findall(r"VERDICT_(\w+)=(\d+)", unit)}
    assert ports == {name: port for name, (port, _) in host["places"].items()}
    assert f"HAPROXY_SOCKET={host['socket']} " in unit


@pytest.mark.parametrize("name", ["receipts.key", "feedback.db", "feedback.db-wal", "drift.json", "rows.csv"])
def test_what_documented_commands_write_stays_out_of_git(name: str) -> None:
    """`git add .` takes no key, counts or plain-text rows that documented commands write into the checkout."""
    assert subprocess.run(["git", "check-ignore", "--quiet", name], cwd=ROOT, check=False).returncode == 0
