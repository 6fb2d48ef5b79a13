"""`verdict mlflow` against a real `mlflow server`: it has what tags and experiments say, once each."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from tests.dvc.pipeline.clone import Clone
from tests.dvc.sweep.conftest import with_specs
from tests.stub import stub_clone
from tests.tiers import need, tier
from tests.unit.delivery.test_versions import TOLD
from verdict.delivery.mirror import MLflow
from verdict.delivery.provenance import Provenance

SPEC = "sweeps/three.yaml"
WHO = {"GIT_COMMITTER_NAME": "release[bot]", "GIT_COMMITTER_EMAIL": "release@localhost"}
EVALUATION = {"overall": {"accuracy": 0.7, "n": 10}, "slices": {"a.b, c": {"accuracy": 0.5}}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A tracking server on a free port of this machine, with a database of its own."""
    tier("mlflow")
    need("mlflow", "make mlflow")
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination",
        str(folder / "files"),
    ]
    with (folder / "log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, env={**os.environ})
    try:
        _wait(f"http://127.0.0.1:{port}/health", process, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        for one in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
            one.kill()
        process.wait()


def _wait(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text(encoding="utf-8")
        try:
            if requests.get(address, timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.5)
    pytest.fail(log.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def clone(server: str, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A project with three experiments and two releases, each of a commit of its own, with a stage."""
    made = with_specs(stub_clone(tmp_path_factory.getbasetemp()), tmp_path_factory.mktemp("mirrored"))
    made.run("verdict", "sweep", "run", SPEC)
    for version, stage in (("v1.0.0", "production"), ("v1.1.0", "staging")):
        (made.path / "metrics/evaluation.json").write_text(json.dumps(EVALUATION), encoding="utf-8")
        (made.path / "note").write_text(version, encoding="utf-8")
        made.commit(version)
        commit = made.run("git", "rev-parse", "HEAD").strip()
        told = Provenance.of(json.dumps({**TOLD, "version": version, "commit": commit}), version)
        _gto(made, "register", "classifier", "--version", version, "--message", told.text())
        _gto(made, "assign", "classifier", "--version", version, "--stage", stage)
    return made


def _gto(clone: Clone, *words: str) -> None:
    done = clone.try_run("gto", *words, **WHO)
    assert done.returncode == 0, done.stdout


def mirrored(clone: Clone, server: str) -> str:
    """The output of the command."""
    return clone.run("verdict", "mlflow", "--to", server).strip()


def found(server: str) -> dict[str, Any]:
    """All that the server has: runs by experiment and name, versions by release, aliases."""
    ask = MLflow(server).ask
    runs: dict[str, Any] = {}
    for group in ("experiments", "releases"):
        where = ask("GET", "experiments/get-by-name", experiment_name=f"verdict/{group}")["experiment"]["experiment_id"]
        listed = ask("POST", "runs/search", experiment_ids=[where], max_results=100)["runs"]
        assert len({run["info"]["run_name"] for run in listed}) == len(listed)
        runs[group] = {run["info"]["run_name"]: run for run in listed}
    model = ask("GET", "registered-models/get", name="classifier")["registered_model"]
    versions = ask("GET", "model-versions/search", filter="name='classifier'", max_results=100)["model_versions"]
    numbers = {one["version"]: one["tags"][0]["value"] for one in versions}
    aliases = {one["alias"]: numbers[one["version"]] for one in model["aliases"]}
    return {**runs, "versions": {numbers[one["version"]]: one for one in versions}, "aliases": aliases}


def by_key(pairs: list[dict[str, Any]]) -> dict[str, Any]:
    """Params, metrics or tags as a mapping."""
    return {one["key"]: one["value"] for one in pairs}


def test_the_server_has_what_git_has(clone: Clone, server: str) -> None:
    """Experiments with params and scores; releases with scores, image and stages; a second time nothing is written."""
    assert mirrored(clone, server) == "3 experiments, 3 of them new; 2 releases, 2 of them new"
    first = found(server)
    refs = clone.run("git", "for-each-ref", "--format=%(refname:lstrip=4)", "refs/exps").split()
    assert sorted(first["experiments"]) == sorted(name for name in refs if name.startswith("three-"))
    for run in first["experiments"].values():
        seed = int(by_key(run["data"]["params"])["train.seed"])
        assert by_key(run["data"]["metrics"]) == {"overall.weighted_f1": 1 / (1 + seed)}
        assert run["info"]["status"] == "FINISHED"
    assert set(first["releases"]) == {"classifier@v1.0.0", "classifier@v1.1.0"}
    run = first["releases"]["classifier@v1.1.0"]
    assert by_key(run["data"]["metrics"]) == {
        "overall.accuracy": 0.7,
        "overall.n": 10,
        "slices._a.b_ c_.accuracy": 0.5,
    }
    assert by_key(run["data"]["tags"])["commit"] == clone.run("git", "rev-parse", "HEAD").strip()
    version = first["versions"]["v1.1.0"]
    assert (version["run_id"], version["source"]) == (run["info"]["run_id"], f"docker://{TOLD['image']}")
    shown = clone.read_json("gto", "show", "--json")["classifier"]
    assert first["aliases"] == shown["stage"] == {"production": "v1.0.0", "staging": "v1.1.0"}
    assert mirrored(clone, server) == "3 experiments, 0 of them new; 2 releases, 0 of them new"
    assert found(server) == first


def test_stages_that_move_move_aliases(clone: Clone, server: str) -> None:
    """A version that follows, a stage that is given up, and a rollback are seen."""
    mirrored(clone, server)
    _gto(clone, "assign", "classifier", "--version", "v1.1.0", "--stage", "production")
    _gto(clone, "deprecate", "classifier", "v1.1.0", "staging")
    mirrored(clone, server)
    assert found(server)["aliases"] == {"production": "v1.1.0"}
    _gto(clone, "assign", "classifier", "--version", "v1.0.0", "--stage", "production", "--force")
    mirrored(clone, server)
    assert found(server)["aliases"] == {"production": "v1.0.0"}


def test_a_run_that_was_left_half_written_is_completed(clone: Clone, server: str) -> None:
    """A mirror that was cut off goes on: the run has each param and score once, and is finished."""
    mirrored(clone, server)
    before = found(server)
    run = next(iter(before["experiments"].values()))
    MLflow(server).ask("POST", "runs/update", run_id=run["info"]["run_id"], status="RUNNING")
    assert mirrored(clone, server).startswith("3 experiments, 1 of them new")
    again = found(server)["experiments"][run["info"]["run_name"]]
    assert again["info"]["status"] == "FINISHED"
    assert [by_key(again["data"][kind]) for kind in ("params", "metrics")] == [
        by_key(run["data"][kind]) for kind in ("params", "metrics")
    ]
