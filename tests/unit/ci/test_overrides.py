"""Other values than params.yaml has, for a run by hand."""

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from verdict.base.errors import VerdictError
from verdict.ci.run.overrides import apply
from verdict.classifier.params import load


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with the repository's params.yaml, in which a value is null."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    text = re.sub(r"class_weight: .*?(?= #)", "class_weight: null", text)
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_values_change_and_comments_stay(root: Path) -> None:
    """Several keys at once, of any depth and type; nothing else of the file changes."""
    before = (root / "params.yaml").read_text(encoding="utf-8").splitlines()
    apply(root, "train.seed=7 train.model=bag featurize.word.ngrams='[1, 2]'")
    train = load(root / "params.yaml").train
    assert (train.seed, train.model) == (7, "bag")
    assert load(root / "params.yaml").featurize.word.ngrams == (1, 2)
    after = (root / "params.yaml").read_text(encoding="utf-8").splitlines()
    changed = [line for line in after if line not in before]
    assert len(after) == len(before)
    assert len(changed) == 3
    assert any("# linear (scikit-learn), bag (torch), or encoder" in line for line in changed)


@pytest.mark.parametrize(
    "text",
    [
        "train.sed=7",
        "train.seed",
        "seed=7",
        "train.linear.alpha.x=1",
        "train.seed=[",
        "train.seed=seven",
        "train.new=1",
    ],
)
def test_what_is_no_key_or_value_is_refused(root: Path, text: str) -> None:
    """A typo, a missing sign, a value of another type or not in YAML ends with a message that names it."""
    with pytest.raises(VerdictError) as error:
        apply(root, text)
    assert text.partition("=")[0].rpartition(".")[2] in str(error.value)
