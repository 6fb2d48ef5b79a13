"""Real tables of other people pass prepare and validate with the params that fit them."""

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stages import prepare, validate
from tests.conftest import ROOT
from tests.documents import load, save
from tests.tables import TABLES, Table
from verdict.base.files import read_json
from verdict.classifier.dataset.description import read_dataset

SPLITS = ("train", "validation", "test")
CLASSES = {"reviews": 2, "glosses": 10, "strikes": 3, "comments": 2}


@pytest.fixture(params=TABLES)
def table(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Table:
    """A real table, prepared and validated in the current folder with nothing but its own groups of params."""
    found = TABLES[request.param]
    if not found.path.exists():
        pytest.skip(f"{found.path} was not fetched: make tables")
    document: dict[str, Any] = {**load(ROOT / "params.yaml"), **found.params}
    for name in {"split", "validate"} - found.params.keys():
        del document[name]
    found.put(tmp_path)
    save(tmp_path / "params.yaml", document)
    monkeypatch.chdir(tmp_path)
    prepare.main()
    validate.main()
    return found


def prepared() -> dict[str, pd.DataFrame]:
    """The prepared tables of the current folder."""
    return {name: pd.read_parquet(f"data/prepared/{name}.parquet") for name in SPLITS}
