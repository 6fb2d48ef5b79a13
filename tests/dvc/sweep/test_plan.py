"""Points on top of a commit: checked against params.yaml, named, and written as DVC reads them."""

import re
import subprocess
from pathlib import Path

import pytest
from dvc.utils.hydra import apply_overrides

from tests import documents
from tests.conftest import ROOT, small_params
from tests.dvc.pipeline.clone import environment
from verdict.base.errors import VerdictError
from verdict.classifier.params import load
from verdict.experiments.sweep.plan import Plan, canonical, plan, texts
from verdict.experiments.sweep.spec import Overrides


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with nothing but a commit of params.yaml."""
    folder = tmp_path / "repository"
    folder.mkdir()
    for key, value in environment(folder).items():
        monkeypatch.setenv(key, value)
    documents.save(folder / "params.yaml", small_params())
    git(folder, "init", "--quiet")
    git(folder, "add", "params.yaml")
    git(folder, "commit", "--quiet", "--message", "Params")
    return folder


def git(folder: Path, *arguments: str) -> str:
    """A git command in a folder."""
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def planned(repository: Path, text: str, stem: str = "spec") -> Plan:
    """The plan of a spec file."""
    path = repository / f"{stem}.yaml"
    path.write_text(text, encoding="utf-8")
    return plan(repository, path)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("grid: {train.linear.alfa: [1]}", "grid.train.linear.alfa: unknown key of params.yaml"),
        ("{base: {train.sede: 1}, list: [{train.seed: 1}]}", "base.train.sede: unknown key"),
        ("list: [{train.seed: 1}, {train.seed.x: 1}]", "list.1.train.seed.x: unknown key"),
        ("grid: {train.linear: [1]}", "grid.train.linear: a group of params"),
        ("random: {count: 1, seed: 1, space: {train.lr: {log: [1, 2]}}}", "random.space.train.lr: unknown key"),
        ("grid: {train.linear.alpha: [1.0e-5, -1]}", "the point train.linear.alpha=-1: \n  train.linear.alpha: "),
        ("grid: {train.model: [forest]}", "the point train.model=forest: \n  train.model: "),
        ("grid: {train.seed: [1.5]}", "the point train.seed=1.5: \n  train.seed: "),
    ],
)
def test_points_that_the_pipeline_would_refuse(repository: Path, text: str, where: str) -> None:
    """An unknown params key and an unusable value are refused before anything runs, with the file and the key."""
    with pytest.raises(VerdictError) as caught:
        planned(repository, text)
    assert str(repository / "spec.yaml") in str(caught.value)
    assert where in str(caught.value)


def test_names(repository: Path) -> None:
    """A name has the file and the params in which points differ, and ends in a hash; git takes it as a ref."""
    points = planned(
        repository,
        "{base: {train.model: bag}, grid: {train.bag.learning_rate: [1.0e-5, 0.5], train.device: [cpu, 'cuda:0']}}",
        "my-bag",
    ).points
    words = [re.fullmatch(r"my-bag-(.+)-[0-9a-f]{6}", point.name) for point in points]
    assert [match[1] for match in words if match] == [
        "learning_rate_1e-5-device_cpu",
        "learning_rate_1e-5-device_cuda-0",
        "learning_rate_0.5-device_cpu",
        "learning_rate_0.5-device_cuda-0",
    ]
    for point in points:
        git(repository, "check-ref-format", f"refs/exps/00/00/{point.name}")


def test_long_names_stay_short(repository: Path) -> None:
    """Many keys become initials, and are cut if these are too long; the hash still distinguishes points."""
    keys = ("learning_rate", "weight_decay", "label_smoothing", "rating_weight", "embedding_size", "batch_size")
    grid = ", ".join(f"train.bag.{key}: [{1 if 'size' in key else 0.1234}]" for key in keys)
    one = planned(repository, f"grid: {{{grid}, train.bag.epochs: [1, 2], train.linear.epochs: [3]}}").points
    assert all(len(point.name) <= 80 for point in one)
    assert "lr_0.1234" in one[0].name
    assert "bag.epochs_1" in one[0].name
    assert one[0].name != one[1].name


def test_a_name_is_of_its_point_and_commit(repository: Path) -> None:
    """A spec file may grow without renaming what has run; another commit is another experiment."""
    small = planned(repository, "grid: {train.seed: [1, 2]}")
    large = planned(repository, "grid: {train.seed: [1, 2, 3]}\nlist: [{train.rating_noise: 1, train.seed: 4}]")
    assert [point.name for point in large.points[:2]] == [point.name for point in small.points]
    git(repository, "commit", "--quiet", "--allow-empty", "--message", "Another")
    other = planned(repository, "grid: {train.seed: [1, 2]}")
    assert not {point.name for point in other.points} & {point.name for point in small.points}


def test_the_same_value_twice(repository: Path) -> None:
    """1 and 1.0 of a param are one point, with one name."""
    points = planned(repository, "grid: {train.rating_noise: [1, 1.0]}").points
    assert [point.texts for point in points] == [["train.rating_noise=1.0"]]


@pytest.mark.parametrize("spec", sorted((ROOT / "sweeps").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_specs_of_this_repository_can_be_run(repository: Path, spec: Path) -> None:
    """Every point of them is one that the pipeline takes, and DVC writes what the point says."""
    for point in plan(repository, spec).points:
        git(repository, "checkout", "--quiet", "params.yaml")
        apply_overrides(repository / "params.yaml", point.texts)
        assert canonical(documents.load(repository / "params.yaml")) == point.params


def test_weights_of_classes_are_one_param(repository: Path) -> None:
    """If params.yaml has a weight for each class, a point may replace all by one value."""
    points = planned(
        repository, "grid: {train.class_weight: [null, balanced]}\nlist: [{train.class_weight.neutral: 3}]"
    )
    found = [point.params["train"]["class_weight"] for point in points.points]
    assert found == [None, "balanced", {"neutral": 3.0}]


def test_a_small_number_is_one_point_however_it_is_written(repository: Path) -> None:
    """Each form of YAML 1.2 is the number in the point, in what DVC writes for it, and in what the pipeline reads."""
    path = repository / "params.yaml"
    points = planned(repository, "grid: {train.linear.alpha: [1e-05, 1e-5, 1.0e-5, 0.00001, 3e-5, +3.0E-05]}").points
    assert [point.overrides for point in points] == [{"train.linear.alpha": 1e-05}, {"train.linear.alpha": 3e-05}]
    for point in points:
        apply_overrides(path, point.texts)
        assert load(path).train.linear.alpha == point.overrides["train.linear.alpha"]
        assert canonical(documents.load(path)) == point.params


def test_dvc_reads_overrides_as_they_were_meant(repository: Path) -> None:
    """DVC reads `-S` back as the same values: numbers, words, lists, and text with signs of its grammar."""
    values: Overrides = {
        "train.linear.alpha": 1e-05,
        "train.refit": False,
        "train.seed": 12,
        "train.device": "cuda:0",
        "train.model": "bag",
        "featurize.word.ngrams": [1, 2],
        "split.salt": "it's, {a} = [b] \\' c\\",
        "report.currency": "true",
    }
    path = repository / "params.yaml"
    apply_overrides(path, texts(values))
    document = documents.load(path)
    for key, value in values.items():
        group, _, last = key.rpartition(".")
        found = document
        for part in group.split("."):
            found = found[part]
        assert found[last] == value, key
        assert type(found[last]) is type(value), key
