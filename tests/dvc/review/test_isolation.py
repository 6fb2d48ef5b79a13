"""`verdict repro` runs each stage with only its declared dependencies, for every kind of command."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import warm
from tests.documents import load, save
from tests.dvc.review.edits import redirect_dvc_log
from tests.shared import once
from verdict.base.errors import VerdictError
from verdict.repo.dvc import repository
from verdict.repo.isolation import landlock
from verdict.repo.isolation.sandbox import STRICT, isolated
from verdict.repo.lock.check import check
from verdict.repo.repro import StageError, reproduce

SPLIT = "python -c \"[open(f'data/{name}.txt', 'w').write(name) for name in ('training', 'held-out')]\""
HONEST = "python -c \"text = open('data/training.txt').read(); open('model.txt', 'w').write(text)\""
needs_landlock = pytest.mark.skipif(landlock.version() < 1, reason="this kernel has no Landlock")


def run(folder: Path, *command: str) -> None:
    """Run a command that must succeed."""
    environment = {**os.environ, "PATH": warm.path()}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, timeout=60)


def define(root: Path, command: str, **train: object) -> None:
    """Write dvc.yaml with `split`, and `train` as given."""
    stages = {
        "split": {"cmd": SPLIT, "deps": ["raw.txt"], "outs": ["data/training.txt", "data/held-out.txt"]},
        "train": {"cmd": command, "deps": ["data/training.txt"], "outs": ["model.txt"], **train},
    }
    save(root / "dvc.yaml", {"stages": stages})


def make(root: Path) -> None:
    """A repository that a stage has never been run in."""
    (root / "data").mkdir(parents=True)
    run(root, "git", "init", "--quiet")
    run(root, "dvc", "init", "--quiet")
    (root / "raw.txt").write_text("raw", encoding="utf-8")
    (root / "secret.py").write_text("VALUE = 'not declared'\n", encoding="utf-8")
    person = ("-c", "user.name=Test", "-c", "user.email=test@localhost")
    run(root, "git", "add", "--all")
    run(root, "git", *person, "commit", "--quiet", "--message", "A file that is not declared")


@pytest.fixture
def root(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of such a repository, in a folder with a blank and a quote in its name."""
    root = tmp_path / "it's here"
    shutil.copytree(once(tmp_path_factory.getbasetemp(), "isolation", make), root)
    monkeypatch.chdir(root)
    redirect_dvc_log(monkeypatch)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    return root


def test_a_stage_finds_its_dependencies_and_its_outputs_come_back(root: Path) -> None:
    """A stage reads its dependencies, its outputs are put in place, and no temporary file stays."""
    define(root, HONEST)
    before = dict(os.environ)
    reproduce(root)
    assert (root / "model.txt").read_text(encoding="utf-8") == "training"
    assert not (root / ".dvc/tmp/stages").exists()
    assert dict(os.environ) == before


ATTACKS = {
    "by its name": "cat data/held-out.txt > model.txt",
    "by os.open": "python -c \"import os; os.open('data/held-out.txt', os.O_RDONLY)\"",
    "by its whole path": 'cat "$DVC_ROOT/data/held-out.txt" > model.txt',
    "by pyarrow": 'python -c "import os, pyarrow.fs as f; f.LocalFileSystem()'
    ".open_input_file(os.environ['DVC_ROOT'] + '/data/held-out.txt').read()\"",
    "by a subprocess": 'python -c "import os, subprocess;'
    " subprocess.run(['cat', os.environ['DVC_ROOT'] + '/data/held-out.txt'], check=True)\"",
    "by a hard link": 'ln "$DVC_ROOT/data/held-out.txt" model.txt',
    "by a symbolic link": 'ln -s "$DVC_ROOT/data/held-out.txt" link && cat link > model.txt',
    "by moving it": 'cd "$DVC_ROOT/data" && mv held-out.txt training.txt && cp training.txt "$OLDPWD/model.txt"',
    "by the parent's root": 'cat "/proc/$PPID/root$DVC_ROOT/data/held-out.txt" > model.txt',
    "by dvc get": 'python -m dvc get "$DVC_ROOT" data/held-out.txt --out model.txt',
    "by the cache": 'cat "$DVC_ROOT"/.dvc/cache/files/md5/*/* > model.txt',
    "by git show": 'git -C "$DVC_ROOT" show HEAD:secret.py > model.txt',
    "by the parent's memory": 'cat "/proc/$PPID/mem" > model.txt',
    "by the parent's variables": 'cat "/proc/$PPID/environ" > model.txt',
    "by the parent's descriptors": "cat /proc/$PPID/fd/* > model.txt",
    "by the parent's folder": 'cat "/proc/$PPID/cwd/data/held-out.txt" > model.txt',
    "by the plan": 'sed -i "s/raw/held/" "$DVC_ROOT"/.dvc/tmp/stages/*/plan.json && cat data/held-out.txt',
    "by changing the repository": 'echo > "$DVC_ROOT/secret.py"',
    "by adding to the repository": 'echo > "$DVC_ROOT/data/new.txt"',
    "code by import": "python -c \"import sys, os; sys.path.append(os.environ['DVC_ROOT']); import secret\"",
}


@needs_landlock
@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_undeclared_can_be_read(root: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """A command that reads what its stage does not declare fails, by whichever way it goes."""
    define(root, ATTACKS[name])
    with pytest.raises(StageError, match="train"):
        reproduce(root)
    errors = capfd.readouterr().err
    assert any(
        word in errors
        for word in ("denied", "not a git repository", "No such file", "cross-device", "not found", "PermissionError")
    )


@pytest.mark.parametrize("name", ["data/start/more.json", "conf/.venv/more.json", "conf/sub/more.json"])
def test_what_no_hash_holds_is_not_there(root: Path, name: str) -> None:
    """A file beside the pins of weights, and one in a dependency that DVC ignores: its change would go by unseen."""
    for path in (name, "conf/named.json"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("{}", encoding="utf-8")
    (root / ".dvcignore").write_text(".venv\n/conf/sub\n", encoding="utf-8")
    define(root, f"cat conf/named.json > model.txt && cat {name}", deps=["data/training.txt", "conf"])
    with pytest.raises(StageError, match="train"):
        reproduce(root)
    define(root, f"test -e conf/named.json && test ! -e {name} && touch model.txt", deps=["data/training.txt", "conf"])
    reproduce(root)


def test_weights_are_there_for_every_stage(root: Path) -> None:
    """They are too large for git; the file beside them, which is a dependency, pins them."""
    (root / "data/start/small").mkdir(parents=True)
    (root / "data/start/small/config.json").write_text("weights", encoding="utf-8")
    define(root, "cat data/start/small/config.json > model.txt")
    reproduce(root)
    assert (root / "model.txt").read_text(encoding="utf-8") == "weights"


def test_a_relative_path_finds_nothing_where_the_kernel_has_no_landlock(
    root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without Landlock the folder still holds the dependencies alone, and it is said that this is all."""
    monkeypatch.setattr(landlock, "version", lambda: 0)
    define(root, ATTACKS["by its name"])
    with pytest.raises(StageError, match="train"):
        reproduce(root)
    assert "no Landlock" in capfd.readouterr().err


def test_what_a_failing_command_wrote_is_kept_for_its_author(root: Path) -> None:
    """A file that a stage writes before it fails, such as a list of violations, can be read afterwards."""
    define(root, "echo three rows > violations.txt; exit 3")
    with pytest.raises(StageError):
        reproduce(root)
    assert (root / ".dvc/tmp/undeclared/train/violations.txt").read_text(encoding="utf-8") == "three rows\n"


def test_a_stage_reads_back_what_it_writes(root: Path) -> None:
    """An output can be read again by the command that wrote it."""
    command = "cat data/training.txt > model.txt && cat model.txt model.txt > log.txt"
    define(root, command, outs=["model.txt", "log.txt"])
    reproduce(root)
    assert (root / "log.txt").read_text(encoding="utf-8") == "trainingtraining"


def test_folders_and_working_folders_are_laid_out_as_they_are(root: Path) -> None:
    """A dependency that is a folder comes whole, and a stage with `wdir` runs in that folder."""
    (root / "code/deep").mkdir(parents=True)
    (root / "code/deep/words.txt").write_text("deep", encoding="utf-8")
    command = "cat deep/words.txt ../data/training.txt > model.txt"
    define(root, command, wdir="code", deps=["deep", "../data/training.txt"])
    reproduce(root)
    assert (root / "code/model.txt").read_text(encoding="utf-8") == "deeptraining"


# What reaches a stage, or leaves it, though it opens nothing that it does not declare.
ROUNDABOUT = {
    "a link that it declares": ("cat words.txt > model.txt", {"deps": ["words.txt"]}, "which is not among its deps"),
    "a link in a folder": ("cat code/w > model.txt", {"deps": ["code"]}, "which is not among its deps"),
    "a link to a folder": ("cat linked/held-out.txt > model.txt", {"deps": ["linked"]}, "which is not among its deps"),
    "a link as its output": ('ln -s "$DVC_ROOT/data/held-out.txt" model.txt', {}, "leads to none of its files"),
    "a link up as its output": ("mkdir m && ln -s ../data/held-out.txt m/x", {"outs": ["m"]}, "leads to none"),
    "a link in place of a folder": ('mkdir m && ln -s "$DVC_ROOT/data" m/x', {"outs": ["m"]}, "leads to none"),
    "a pipe": ("mkfifo model.txt", {}, "neither a file nor a folder"),
    "a changed dependency": ("echo more >> data/training.txt; touch model.txt", {}, "it changed data/training.txt"),
    "a folder outside": ("mkdir -p out && echo x > out/model.txt", {"outs": ["out/model.txt"]}, "outside of the repos"),
}


@needs_landlock
@pytest.mark.parametrize("name", ROUNDABOUT)
def test_nothing_undeclared_comes_by_a_detour(
    root: Path, tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Links in the repository, and files that a stage leaves for a later one, reveal nothing."""
    command, more, message = ROUNDABOUT[name]
    (root / "words.txt").symlink_to("data/held-out.txt")
    (root / "linked").symlink_to("data")
    (root / "code").mkdir()
    (root / "code/w").symlink_to("../data/held-out.txt")
    (tmp_path / "elsewhere").mkdir()
    (root / "out").symlink_to(tmp_path / "elsewhere")
    define(root, command, **{"deps": ["data/training.txt"], **more})
    with pytest.raises(StageError, match="train"):
        reproduce(root)
    assert message in capfd.readouterr().err
    assert not list((tmp_path / "elsewhere").iterdir())
    assert (root / "data/training.txt").read_text(encoding="utf-8") == "training"


def test_what_is_not_declared_as_an_output_reaches_no_other_stage(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is kept for its author, who is told where, and never replaces a file of the repository."""
    define(root, "echo 'VALUE = 1' > secret.py; mkdir -p .dvc; echo > .dvc/config.local; touch model.txt")
    reproduce(root)
    assert "not declared" in (root / "secret.py").read_text(encoding="utf-8")
    assert not (root / ".dvc/config.local").exists()
    assert (root / ".dvc/tmp/undeclared/train/secret.py").read_text(encoding="utf-8") == "VALUE = 1\n"
    assert "secret.py is not among the outs" in capfd.readouterr().err


def test_links_within_an_output_stay(root: Path) -> None:
    """As libraries leave them: the newest of several files, by its name."""
    define(root, "mkdir m && echo 1 > m/first && ln -s first m/newest", outs=["m"])
    reproduce(root)
    assert (root / "m/newest").read_text(encoding="utf-8") == "1\n"


def test_a_link_does_not_change_its_target_on_the_way(root: Path) -> None:
    """The link's target in the stage's folder counts, not the test split of this name in the repository."""
    command = "echo mine > data/held-out.txt && mkdir m && ln -s ../data/held-out.txt m/x"
    define(root, command, outs=["m"])
    reproduce(root)
    assert (root / "m/x").read_text(encoding="utf-8") == "mine\n"


def test_a_later_line_of_a_command_reads_what_an_earlier_one_wrote(root: Path) -> None:
    """A stage may have a list of commands, each of which DVC starts by itself."""
    define(root, ["cp data/training.txt log.txt", "cat log.txt log.txt > model.txt"], outs=["model.txt", "log.txt"])  # type: ignore[arg-type]
    reproduce(root)
    assert (root / "model.txt").read_text(encoding="utf-8") == "trainingtraining"


def test_data_that_dvc_links_from_its_cache_are_found(root: Path) -> None:
    """With cache.type symlink a dependency is a link into the cache, which is closed otherwise."""
    run(root, "dvc", "config", "cache.type", "symlink")
    define(root, HONEST)
    reproduce(root)
    assert (root / "data/training.txt").is_symlink()
    assert (root / "model.txt").read_text(encoding="utf-8") == "training"


def test_no_process_outlives_its_stage(root: Path) -> None:
    """One in a session of its own, without a parent, would still be there when the test split is laid out."""
    daemon = (
        "import os, signal\n"
        "reading, writing = os.pipe()\n"
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        os.write(writing, str(os.getpid()).encode())\n        signal.pause()\n    os._exit(0)\n"
        "open('model.txt', 'wb').write(os.read(reading, 20))\n"
    )
    (root / "daemon.py").write_text(daemon, encoding="utf-8")
    define(root, "python daemon.py > log.txt 2>&1 < /dev/null", deps=["daemon.py"], outs=["model.txt", "log.txt"])
    reproduce(root)
    number = int((root / "model.txt").read_text(encoding="utf-8"))
    assert not Path(f"/proc/{number}").exists()


def test_a_stage_gets_no_keys(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that reads the remote would read the test split there; what settles results stays."""
    secret = (
        "AWS_SESSION_TOKEN",
        "GITHUB_TOKEN",
        "KEY",
        "SECRET",
        "ACTIONS_RUNTIME_TOKEN",
        "AZURE_STORAGE_KEY",
        "A_PASSWORD",
    )
    for name in (*secret, "TOKENIZERS_PARALLELISM", "CUBLAS_WORKSPACE_CONFIG"):
        monkeypatch.setenv(name, f"value-of-{name}")
    define(root, "env > model.txt")
    reproduce(root)
    found = (root / "model.txt").read_text(encoding="utf-8")
    assert not [name for name in secret if f"value-of-{name}" in found]
    assert "value-of-TOKENIZERS_PARALLELISM" in found
    assert "value-of-CUBLAS_WORKSPACE_CONFIG" in found


def test_no_descriptor_is_inherited(root: Path) -> None:
    """A file that the parent process has open cannot be read through its descriptor."""
    define(root, "true", deps=["raw.txt"])
    with (root / "secret.py").open() as opened, repository(root) as repo, isolated(repo):
        shell, number = os.environ["SHELL"], opened.fileno()
        variables = {**os.environ, "DVC_STAGE": "train", "DVC_ROOT": str(root)}
        done = subprocess.run(
            [shell, "-c", f"cat <&{number}"],
            check=False, env=variables, pass_fds=[number], capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert done.returncode != 0
    assert done.stdout == ""


@needs_landlock
def test_other_checkouts_of_the_clone_are_closed(root: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The data of a worktree beside cannot be read."""
    run(root, "git", "worktree", "add", "--quiet", str(tmp_path / "other"))
    define(root, f"cat {tmp_path}/other/secret.py > model.txt")
    with pytest.raises(StageError, match="train"):
        reproduce(root)
    assert "denied" in capfd.readouterr().err


@needs_landlock
@pytest.mark.parametrize("place", ["{outside}/x", "/tmp/left-behind", "/var/tmp/left-behind"])  # noqa: S108
def test_in_ci_a_stage_leaves_nothing_outside(root: Path, tmp_path: Path, place: str) -> None:
    """Stages could hand each other what one of them has seen; a folder for temporary files is its own, and goes."""
    define(root, f"mktemp && echo x > {place.format(outside=tmp_path)}")
    with pytest.raises(StageError, match="train"):
        reproduce(root, STRICT)
    assert not Path(place.format(outside=tmp_path)).exists()
    define(root, "mktemp > model.txt && test -e $(cat model.txt)")
    reproduce(root, STRICT)
    assert not Path((root / "model.txt").read_text(encoding="utf-8").strip()).exists()


def test_ci_refuses_a_kernel_without_landlock(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is run there, and the message says what the machine lacks."""
    monkeypatch.setattr(landlock, "version", lambda: -1)
    define(root, HONEST)
    with pytest.raises(VerdictError, match="no Landlock"):
        reproduce(root, STRICT)
    assert not (root / "data/training.txt").exists()


def test_in_ci_no_stage_works_on_a_cluster(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its workers could read what the stage may not; a person's own run may."""
    monkeypatch.setenv("VERDICT_ENGINE", "tcp://127.0.0.1:1")
    define(root, HONEST)
    with pytest.raises(VerdictError, match="VERDICT_ENGINE"):
        reproduce(root, STRICT)
    assert not (root / "data/training.txt").exists()
    reproduce(root)


def test_in_ci_no_stage_runs_time_and_again(root: Path) -> None:
    """A training that DVC runs each time could run once more after evaluate."""
    define(root, HONEST, always_changed=True)
    with pytest.raises(VerdictError, match="always_changed"):
        reproduce(root, STRICT)


def test_a_run_leaves_the_folders_of_another_alone(root: Path) -> None:
    """Folders of a killed run are removed, those of a running one are not."""
    folder = root / ".dvc/tmp/stages"
    for name in (os.getppid(), 2**30):
        (folder / str(name)).mkdir(parents=True)
    define(root, HONEST)
    reproduce(root)
    assert [path.name for path in folder.iterdir()] == [str(os.getppid())]


TEST, MODEL = "data/prepared/test.parquet", "models/classifier"
EVALUATE = {"deps": [MODEL, TEST], "outs": ["data/predictions"]}
TRAIN = {"deps": ["code.py"], "outs": [MODEL]}
# Stages beside an honest evaluate, train and validate; stage, path, and what is said.
HANDED_ON: dict[str, tuple[dict[str, Any], tuple[str, str, str]]] = {
    "evaluate's output": (
        {"evaluate": {**EVALUATE, "deps": [TEST]}, "train": {**TRAIN, "deps": ["data/predictions"]}},
        ("train", "data/predictions", "was written by evaluate"),
    ),
    "a file of it": (
        {"evaluate": {**EVALUATE, "deps": [TEST]}, "train": {**TRAIN, "deps": ["data/predictions/a"]}},
        ("train", "data/predictions/a", "was written by evaluate"),
    ),
    "by way of another": (
        {
            "evaluate": {**EVALUATE, "deps": [TEST]},
            "words": {"deps": ["data/predictions"], "outs": ["words"]},
            "train": {**TRAIN, "deps": ["words"]},
        },
        ("words", "data/predictions", "was written by evaluate"),
    ),
    "as params": (
        {
            "evaluate": {**EVALUATE, "deps": [TEST], "outs": ["scores.json"]},
            "train": {**TRAIN, "params": [{"scores.json": None}]},
        },
        ("train", "scores.json", "was written by evaluate"),
    ),
    "a second output of validate": (
        {"validate": {"deps": [TEST], "outs": ["metrics/data.json", "x"]}, "train": {**TRAIN, "deps": ["x"]}},
        ("train", "x", "was written by validate"),
    ),
    "evaluate before train": ({"evaluate": {**EVALUATE, "deps": [TEST]}}, ("evaluate", "dvc.yaml", "could run before")),
    "evaluate trains": (
        {"evaluate": {**EVALUATE, "deps": [TEST], "outs": [MODEL]}, "train": {**TRAIN, "outs": ["x"]}},
        ("evaluate", MODEL, "is written by evaluate, which sees"),
    ),
    "another name": (
        {"train-too": {**TRAIN, "deps": [TEST], "outs": ["x"]}},
        ("train-too", TEST, "which only validate and evalu"),
    ),
    "a matrix": (
        {"fit": {"matrix": {"name": ["test", "train"]}, "cmd": "true", "deps": ["data/prepared/${item.name}.parquet"]}},
        ("fit@test", TEST, "which only validate and evaluate may read"),
    ),
    "a folder of its own": (
        {"fit": {"wdir": "data", "deps": ["prepared/test.parquet"], "outs": ["fit"]}},
        ("fit", TEST, "which only validate and evaluate may read"),
    ),
    "a second output of prepare": (
        {"prepare": {"deps": ["data/raw"], "outs": [TEST, "data/all"]}, "train": {**TRAIN, "deps": ["data/all"]}},
        ("train", "data/all", "was written by prepare"),
    ),
    "where all stages look": (
        {"evaluate": {**EVALUATE, "outs": ["data/start/seen"]}},
        ("train", "data/start", "was written by evaluate"),
    ),
    "the cache": ({"train": {**TRAIN, "deps": [".dvc/cache"]}}, ("train", ".dvc/cache", "which no stage may read")),
    "git's objects": ({"train": {**TRAIN, "deps": [".git/index"]}}, ("train", ".git/index", "which no stage may read")),
}


@pytest.mark.parametrize("name", HANDED_ON)
def test_no_stage_hands_on_what_it_has_seen(root: Path, name: str) -> None:
    """Under any name and through any number of stages: the lock check names the path, and nothing is run."""
    more, (stage, path, what) = HANDED_ON[name]
    honest = {"evaluate": EVALUATE, "train": TRAIN}
    (root / "code.py").touch()
    stages = {key: {"cmd": f"touch ran-{key}", **value} for key, value in {**honest, **more}.items()}
    save(root / "dvc.yaml", {"stages": stages})
    found = [str(finding) for finding in check(root)]
    assert [one for one in found if one.startswith(f"{stage}: {path}: ") and what in one], found
    with pytest.raises(VerdictError, match=r"dvc\.yaml: "):
        reproduce(root)
    assert not list(root.glob("ran-*"))


def test_the_honest_order_of_stages_is_let_through(root: Path) -> None:
    """Validate's report stops the training, evaluate reads the model, and a stage after it what it wrote."""
    (root / "data/prepared").mkdir()
    (root / TEST).write_text("held out", encoding="utf-8")
    stages = {
        "validate": {
            "cmd": "mkdir -p metrics && touch metrics/data.json",
            "deps": [TEST],
            "outs": ["metrics/data.json"],
        },
        "train": {"cmd": f"mkdir -p {MODEL} && touch {MODEL}/x", "deps": ["metrics/data.json"], "outs": [MODEL]},
        "evaluate": {"cmd": "mkdir data/predictions && touch data/predictions/x", **EVALUATE},
        "publish": {"cmd": "touch page", "deps": ["data/predictions"], "outs": ["page"]},
    }
    save(root / "dvc.yaml", {"stages": stages})
    reproduce(root, STRICT)
    assert (root / "page").exists()


def test_a_pointer_gives_the_test_split_no_other_name(root: Path) -> None:
    """A pointer with the test split's hash, by which DVC would check it out under another name, is refused."""
    (root / "data/prepared").mkdir()
    (root / TEST).write_text("held out", encoding="utf-8")
    run(root, "dvc", "add", "--quiet", TEST)
    (pointer,) = json.loads(json.dumps(load(root / f"{TEST}.dvc")))["outs"]
    save(root / "data/more.dvc", {"outs": [{**pointer, "path": "more"}]})
    define(root, "cp data/more model.txt", deps=["data/more"])
    with pytest.raises(VerdictError, match="data/more: has the content of"):
        reproduce(root)


def test_an_import_gives_the_test_split_no_other_name(root: Path) -> None:
    """DVC copies what an import names, outside of any stage's folder, and no hash tells of a folder with more in it."""
    define(root, "cat data/more/test.parquet > model.txt", deps=["data/more"])
    save(root / "data/more.dvc", {"deps": [{"path": "prepared"}], "outs": [{"path": "more"}]})
    with pytest.raises(VerdictError, match=r"data/more\.dvc: data/prepared: shows data/prepared/test.parquet"):
        reproduce(root)


@pytest.mark.parametrize("name", ["cache.dir", "remote.near.url"])
@pytest.mark.parametrize("place", ["objects", "data/start"])
def test_no_stage_may_declare_where_dvc_keeps_objects(root: Path, name: str, place: str) -> None:
    """Wherever that is: by a dependency on it, or in the folder that is laid out for all stages."""
    run(root, "dvc", "config", name, place)
    (root / "objects").mkdir()
    define(root, "cat objects/*/*/* > model.txt", deps=["objects"])
    with pytest.raises(VerdictError, match=rf": {place}: shows {place}\S*, which no stage may read"):
        reproduce(root)


@needs_landlock
@pytest.mark.parametrize("place", ["$DVC_ROOT/.checkpoints/seen", "/dev/shm/verdict-seen"])  # noqa: S108
def test_in_ci_prepare_keeps_nothing_for_a_training(root: Path, place: str) -> None:
    """It has seen the test split; only a training keeps a state to go on from, and shares memory."""
    prepare = {"cmd": f'echo seen > "{place}"', "deps": ["raw.txt"], "outs": ["data/x"]}
    save(root / "dvc.yaml", {"stages": {"prepare": prepare}})
    with pytest.raises(StageError, match="prepare"):
        reproduce(root, STRICT)


@pytest.mark.parametrize(
    ("stage", "path"),
    [("train", "data/prepared/test.parquet"), ("train", "data/prepared"), ("train", "data"), ("featurize", "data/raw")],
)
def test_no_stage_may_declare_what_it_must_not_see(root: Path, stage: str, path: str) -> None:
    """The test split is for validate and evaluate, the raw data for prepare: lock names it, and nothing is run."""
    for folder in ("data/prepared", "data/raw"):
        (root / folder).mkdir(parents=True)
        (root / folder / "test.parquet").touch()
    (root / "code.py").touch()
    stages = {name: {"cmd": f"touch {name}", "deps": ["code.py"], "outs": [name]} for name in ("validate", stage)}
    stages[stage]["deps"] = [path]
    save(root / "dvc.yaml", {"stages": stages})
    with pytest.raises(VerdictError, match=f"{stage}: {path}: shows data/(prepared/test.parquet|raw), which only"):
        reproduce(root)
    assert not (root / "validate").exists()
    assert (stage, path) in {(finding.stage, finding.where) for finding in check(root)}


def test_those_who_may_see_it_do(root: Path) -> None:
    """Validate and evaluate read the test split."""
    (root / "data/prepared").mkdir()
    (root / "data/prepared/test.parquet").write_text("held out", encoding="utf-8")
    stage = {"cmd": "cat data/prepared/test.parquet > seen", "deps": ["data/prepared/test.parquet"], "outs": ["seen"]}
    save(root / "dvc.yaml", {"stages": {"evaluate": stage}})
    reproduce(root)
    assert (root / "seen").read_text(encoding="utf-8") == "held out"
