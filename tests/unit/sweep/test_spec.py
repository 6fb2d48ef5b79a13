"""Reading a spec file, and the points that it means."""

from pathlib import Path

import pytest

from verdict.base.errors import VerdictError
from verdict.experiments.sweep.spec import expand, read


def spec_file(folder: Path, text: str) -> Path:
    """A spec file."""
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("grids: {train.seed: [1]}", "grids: unknown key"),
        ("base: {train.seed: 1}", "names no points"),
        ("[1, 2]", "valid dictionary"),
        ("grid: {train.seed: 1}", "grid.train.seed: "),
        ("grid: {train.seed: []}", "grid.train.seed: "),
        ("list: [{train: {seed: 1}}]", "list.0.train."),
        (
            "random: {count: 2, seed: 1, space: {train.seed: {logarithm: [1, 2]}}}",
            "random.space.train.seed.logarithm: ",
        ),
        ("random: {count: 2, seed: 1, space: {train.seed: {}}}", "exactly one of log, uniform, integer and choice"),
        ("random: {count: 2, seed: 1, space: {train.seed: {integer: [5, 2]}}}", "bounds must be [low, high]"),
        ("random: {count: 2, seed: 1, space: {train.seed: {log: [0, 2]}}}", "log needs bounds above 0"),
        ("random: {count: 0, seed: 1, space: {train.seed: {log: [1, 2]}}}", "random.count: "),
        ("grid: {a: [1], a: [2]}", "not readable as YAML"),
        ("grid: {a: [1, 2], b: &b [1, 2, 3, 4, 5, 6, 7, 8, 9], c: *b, d: *b, e: *b}", "more than 1,000 points"),
    ],
)
def test_what_a_spec_file_cannot_say(tmp_path: Path, text: str, key: str) -> None:
    """An unknown or unusable key is reported with the file and the key."""
    path = spec_file(tmp_path, text)
    with pytest.raises(VerdictError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert key in str(caught.value)


def test_names_and_places(tmp_path: Path) -> None:
    """A missing file, and one whose name cannot begin an experiment's name, are reported."""
    with pytest.raises(VerdictError, match="no such file"):
        read(tmp_path / "absent.yaml")
    with pytest.raises(VerdictError, match="rename the file"):
        read(tmp_path / "my sweep.yaml")


def test_grid_list_and_sample_are_united(tmp_path: Path) -> None:
    """The points are the grid's product, the list and the sample, over the base, each once, in this order."""
    text = """
base: {m: linear}
grid: {a: [1, 2], b: [x, y]}
list: [{a: 2, b: x}, {a: true, b: x}, {m: bag}]
random: {count: 1, seed: 1, space: {a: {choice: [1, 2, 3]}, b: {choice: [x]}}}
"""
    path = spec_file(tmp_path, text)
    points = expand(read(path), path)
    assert points[:4] == [{"m": "linear", "a": a, "b": b} for a in (1, 2) for b in ("x", "y")]
    assert points[4:6] == [{"m": "linear", "a": True, "b": "x"}, {"m": "bag"}]
    assert points[6:] == [{"m": "linear", "a": 3, "b": "x"}]  # the only one that was not there


def test_samples_are_the_same_each_time(tmp_path: Path) -> None:
    """A seed gives the same points everywhere, within their bounds and in four digits; another seed gives others."""
    text = """
random:
  count: 50
  seed: 7
  space: {a: {log: [1.0e-6, 1.0e-4]}, b: {uniform: [0.3, 0.9]}, c: {integer: [3, 9]}, d: {choice: [[1, 2], none]}}
"""
    path = spec_file(tmp_path, text)
    points = expand(read(path), path)
    assert points[0] == {"a": 4.443e-06, "b": 0.3905, "c": 7, "d": [1, 2]}
    values = {key: [point[key] for point in points] for key in "abcd"}
    assert all(isinstance(a, float) and 1e-6 <= a <= 1e-4 for a in values["a"])
    assert sum(isinstance(a, float) and a < 1e-5 for a in values["a"]) > 15  # even in the logarithm
    assert all(isinstance(b, float) and 0.3 <= b <= 0.9 for b in values["b"])
    assert set(map(str, values["c"])) == set("3456789")
    other = spec_file(tmp_path, text.replace("seed: 7", "seed: 8"))
    assert expand(read(other), other) != points


def test_a_sample_larger_than_its_space(tmp_path: Path) -> None:
    """More points than a space holds are refused, and not silently fewer."""
    path = spec_file(tmp_path, "random: {count: 4, seed: 1, space: {a: {choice: [1, 2, 3]}}}")
    with pytest.raises(VerdictError, match="only 3 of 4 points differ"):
        expand(read(path), path)
