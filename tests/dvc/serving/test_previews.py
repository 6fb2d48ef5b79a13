"""Tests of `verdict preview`: real services of small artifacts, and artifacts that a stranger made up."""

import http.client
import json
import os
import pickle
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.unit.serving.artifacts import artifact
from verdict.ci.github.preview import port_of
from verdict.cli import main
from verdict.delivery.host import previews
from verdict.delivery.host.previews import Previews

COMMIT, OTHER = "a" * 40, "b" * 40


@dataclass
class Host:
    """A host of previews; `numbers` are pull requests whose ports are free."""

    folder: Path
    numbers: list[int] = field(default_factory=list)

    def __call__(self, *words: object) -> int:
        """The code of a command."""
        return main(["preview", *map(str, words), "--folder", str(self.folder)])

    def start(self, number: int, model: Path, commit: str = COMMIT) -> int:
        """The code of `start`."""
        return self("start", number, "--artifact", model, "--commit", commit)

    @property
    def serving(self) -> dict[int, str]:
        """The previews that run."""
        return Previews(self.folder, port_of).serving()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact."""
    return artifact(tmp_path_factory.mktemp("models") / "classifier")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A host without any, which ends what was started."""
    start = os.getpid() % 9_000
    numbers = [number for number in range(start, start + 50) if not listens(number)][:3]
    made = Host(tmp_path / "previews", numbers)
    yield made
    for number in numbers:
        made("stop", number)


def listens(number: int) -> bool:
    """Return whether a server takes connections on the port of a preview."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port_of(number))) == 0


def ask(number: int, path: str, body: object = None) -> dict[str, object]:
    """An answer of a preview."""
    client = http.client.HTTPConnection("127.0.0.1", port_of(number), timeout=20)
    client.request("GET" if body is None else "POST", path, None if body is None else json.dumps(body))
    found: dict[str, object] = json.loads(client.getresponse().read())
    client.close()
    return found


def test_a_judged_artifact_is_served_until_it_is_stopped(host: Host, model: Path) -> None:
    """It answers on the port of its number, as its pull request and commit; stopped, it is gone, with its files."""
    number = host.numbers[0]
    assert host.start(number, model) == 0
    assert ask(number, "/version")["commit"] == COMMIT
    assert ask(number, "/predict", {"text": "a wonderful lamp"})["version"] == f"pr-{number}"
    assert host.serving == {number: COMMIT}
    assert host("stop", number) == 0
    assert not listens(number)
    assert host.serving == {}
    assert [path.name for path in host.folder.rglob("*") if path.is_file()] == ["lock"]
    assert host("stop", number) == 0


def test_a_push_takes_the_place(host: Host, model: Path, tmp_path: Path) -> None:
    """The artifact of a later commit is served on the same port, and the process before has ended."""
    number = host.numbers[0]
    host.start(number, model)
    before = json.loads((host.folder / "processes" / f"pr-{number}.json").read_text())["pid"]
    assert host.start(number, artifact(tmp_path / "other", labels=("no", "yes")), OTHER) == 0
    assert "yes" in ask(number, "/predict", {"text": "a lamp"})["probabilities"]  # type: ignore[operator]
    assert host.serving == {number: OTHER}
    assert not psutil.pid_exists(before) or psutil.Process(before).status() == psutil.STATUS_ZOMBIE


def symlink(folder: Path) -> None:
    """A link to a file of the host."""
    (folder / "vocabulary.json").unlink()
    (folder / "vocabulary.json").symlink_to("/etc/hostname")


def pickled(folder: Path) -> None:
    """A pickle beside."""
    (folder / "model.pkl").write_bytes(pickle.dumps({}))


def pickled_within(folder: Path) -> None:
    """A pickle under the name of the weights."""
    (folder / "weights.safetensors").write_bytes(pickle.dumps({}))


def huge(folder: Path) -> None:
    """Two gigabytes, none of which is on the disk."""
    os.truncate(folder / "weights.safetensors", 2 * 10**9)


def surplus(folder: Path) -> None:
    """A file that could be of an artifact, and is of none of this kind."""
    (folder / "hashing.json").write_text("{}")


def inner(folder: Path) -> None:
    """A folder."""
    (folder / "more.json").mkdir()


def pipe(folder: Path) -> None:
    """A pipe, which would be read for ever."""
    os.mkfifo(folder / "more.json")


def code(folder: Path) -> None:
    """A module."""
    (folder / "sitecustomize.py").write_text("raise SystemExit")


def many(folder: Path) -> None:
    """Many files."""
    for number in range(30):
        (folder / f"{number}.json").write_text("{}")


def other_bytes(folder: Path) -> None:
    """A byte that was changed after the manifest was written."""
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (symlink, "vocabulary.json is a link"),
        (pickled, "'model.pkl', which is no name"),
        (pickled_within, "weights.safetensors"),
        (huge, "2,000 MB; at most 400 MB"),
        (surplus, "hashing.json"),
        (inner, "more.json is a link, a folder or a device"),
        (pipe, "more.json is a link, a folder or a device"),
        (code, "'sitecustomize.py', which is no name"),
        (many, "at most 20"),
        (other_bytes, "weights.safetensors"),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_a_hostile_artifact_is_refused(
    host: Host, tmp_path: Path, change: object, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """No process gets it, nothing of it stays, and the message names what is wrong."""
    folder = artifact(tmp_path / "hostile")
    change(folder)  # type: ignore[operator]
    assert host.start(host.numbers[0], folder) == 1
    assert said in capfd.readouterr().err
    assert host.serving == {}
    assert [path.name for path in host.folder.rglob("*") if path.is_file()] == ["lock"]


def test_a_refused_artifact_leaves_what_was_there(host: Host, model: Path, tmp_path: Path) -> None:
    """The preview of the commit before goes on, also where only the bytes are wrong, or the folder is a link."""
    number = host.numbers[0]
    host.start(number, model)
    (tmp_path / "link").symlink_to(model)
    other_bytes(artifact(tmp_path / "hostile"))
    assert host.start(number, tmp_path / "hostile", OTHER) == host.start(number, tmp_path / "link", OTHER) == 1
    assert ask(number, "/version")["commit"] == COMMIT
    assert host.serving == {number: COMMIT}


def test_one_too_many_takes_the_place_of_the_least_recently_used(
    host: Host, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The preview without requests for the longest time is stopped, not the oldest one."""
    assert previews.MOST == 10
    monkeypatch.setattr(previews, "MOST", 2)
    first, second, third = host.numbers
    for number in (first, second):
        host.start(number, model)
        log = host.folder / "processes" / f"pr-{number}.log"
        end = time.monotonic() + 20
        while "/version" not in log.read_text() and time.monotonic() < end:
            time.sleep(0.01)  # the line of the start's own question may come after its answer
        os.utime(log, (number, number))  # long ago, the first one longest
    ask(first, "/predict", {"text": "a lamp"})
    end = time.monotonic() + 20
    while (host.folder / "processes" / f"pr-{first}.log").stat().st_mtime == first and time.monotonic() < end:
        time.sleep(0.01)  # the line may come after the answer
    assert host.start(third, model) == 0
    assert f"#{second}: ended" in capsys.readouterr().out
    assert set(host.serving) == {first, third}
    assert not listens(second)


def test_prune_ends_what_is_old_unwanted_or_dead(
    host: Host, model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Three days after its start a preview goes; so does one that ended, or whose pull request asks no more."""
    told = tmp_path / "output"
    monkeypatch.setenv("GITHUB_OUTPUT", str(told))
    old, dead, closed = host.numbers
    for number in host.numbers:
        host.start(number, model)
    assert host("prune") == 0
    assert set(host.serving) == set(host.numbers)
    record = host.folder / "processes" / f"pr-{old}.json"
    os.utime(record, (time.time() - 3 * 86_400 - 60,) * 2)
    process = psutil.Process(json.loads((host.folder / "processes" / f"pr-{dead}.json").read_text())["pid"])
    process.kill()
    process.wait(20)
    told.unlink()
    assert host("prune") == 0
    assert host.serving == {closed: COMMIT}
    assert told.read_text() == f"serving={closed}@{COMMIT}\n"
    assert host("prune", "--keep", f"{old} {dead}") == 0
    assert host.serving == {}
    assert [path.name for path in host.folder.rglob("*") if path.is_file()] == ["lock"]


def test_another_programs_port_is_not_taken_for_it(host: Host, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If another program has the port, no preview is reported there."""
    number = host.numbers[0]
    with socket.create_server(("127.0.0.1", port_of(number))):
        assert host.start(number, model) == 1
    assert "cannot listen there" in capsys.readouterr().err
    assert host.serving == {}


def test_a_line_that_names_no_pull_request_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """It is reported as what it is, not as a bug of the program."""
    with pytest.raises(SystemExit):
        main(["preview", "prune", "--keep", "7 pr-9"])
    assert "'7 pr-9' is no line of numbers" in capsys.readouterr().err
