"""The clones in which a sweep runs: none of the user's hooks is in them."""

from pathlib import Path

import pytest

from tests.dvc.pipeline.clone import Clone
from verdict.experiments.sweep import worker as worker_module
from verdict.experiments.sweep.plan import Plan
from verdict.experiments.sweep.worker import Worker


def test_a_workers_clone_has_no_hooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the user's template stay out: the library by which DVC commits would run them."""
    (tmp_path / "template/hooks").mkdir(parents=True)
    (tmp_path / "template/hooks/pre-commit").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    place = Clone(tmp_path / "place")
    (place.path / ".dvc").mkdir(parents=True)
    (place.path / ".dvc/config").touch()
    place.run("git", "init", "--quiet")
    place.commit("Main")
    settings = tmp_path / "settings"
    settings.write_text(f"[init]\n templateDir = {tmp_path / 'template'}\n", encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setattr(worker_module, "dvc", lambda *_, **__: "")
    baseline = place.run("git", "rev-parse", "HEAD").strip()
    worker = Worker.new(Plan(place.path, Path("spec.yaml"), baseline, []), tmp_path / "cache")
    assert (worker.clone / ".dvc/config").is_file()
    assert not (worker.clone / ".git/hooks").exists()
