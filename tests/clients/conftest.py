"""Fixtures of the client tests. They need the clients: `make test` skips them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service_process import ServiceProcess, make_artifact, service_process
from tests.tiers import need

LABELS = ("negative", "neutral", "positive")


@pytest.fixture(autouse=True, scope="session")
def _clients() -> None:
    for name in ("schemathesis", "tritonclient"):
        need(name, "make clients")


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory, _clients: None) -> Iterator[ServiceProcess]:
    """A service of a linear model."""
    model = make_artifact(tmp_path_factory.mktemp("made") / "classifier", "linear", LABELS)
    with service_process(model, "--release", "v1.2.0") as running:
        yield running


@pytest.fixture(scope="session")
def of_mails(tmp_path_factory: pytest.TempPathFactory, _clients: None) -> Iterator[ServiceProcess]:
    """A service whose text has two columns, and whose labels are not ASCII."""
    labels, columns = ("否定的", "нейтральный"), ("subject", "body of it")
    model = make_artifact(tmp_path_factory.mktemp("made") / "classifier", "bag", labels, columns)
    with service_process(model) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary current folder: schemathesis writes files there."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
