"""The stages write every file whole or not at all."""

import os
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.documents import load
from tests.dvc.pipeline.clone import declared_outs
from tests.unit.stages.runs import STAGES


def test_every_file_takes_its_place_whole(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file of each out of the stages is written under a temporary name that the next run takes over."""
    replaced: dict[str, str] = {}
    replace = os.replace

    def noted(source: Path, target: Path) -> None:
        replaced[Path(target).as_posix()] = Path(source).as_posix()
        replace(source, target)

    monkeypatch.setattr(os, "replace", noted)
    for stage in STAGES:
        stage.main()
    outs = [workspace / name for name, _ in declared_outs(load(ROOT / "dvc.yaml"))]
    files = [path for out in outs for path in (out.rglob("*") if out.is_dir() else [out]) if not path.is_dir()]
    written = {path.relative_to(workspace) for path in files}
    assert len(written) >= len(outs)
    temporary = {path: path.with_name(f".{path.name}.partial").as_posix() for path in written}
    assert [path for path in written if replaced.get(path.as_posix()) != temporary[path]] == []
