"""Tests of verdict/classifier/scores/scoreboard.py and verdict/classifier/scores/domain_chart.py."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from verdict.base.errors import VerdictError
from verdict.base.files import sha256
from verdict.classifier.dataset.vader import DOMAINS
from verdict.classifier.scores.domain_chart import draw_domains
from verdict.classifier.scores.scoreboard import scoreboard


def test_the_scoreboard_shows_each_domain_and_the_published_rows() -> None:
    """Overall and the four domains come in order, then the published scores with their names."""
    lines = scoreboard(ROOT / "metrics/evaluation.json").splitlines()
    assert [line.split()[0] for line in lines[1:6]] == ["overall", *DOMAINS]
    assert lines[-3].startswith("one human rater")
    assert lines[-3].split()[-4:] == ["0.84", "0.92", "0.85", "0.65"]


@pytest.mark.parametrize("content", ["{}", "[]", '{"overall": {}, "domains": {}}'])
def test_a_file_without_scores_is_refused(tmp_path: Path, content: str) -> None:
    """JSON that is no evaluation is refused by name."""
    (tmp_path / "a.json").write_text(content, encoding="utf-8")
    with pytest.raises(VerdictError, match=r"a\.json: holds no scores"):
        scoreboard(tmp_path / "a.json")


def test_the_picture_does_not_depend_on_the_users_matplotlibrc(tmp_path: Path) -> None:
    """A matplotlibrc with another font size changes no byte."""
    hashes = set()
    for size in ("10", "20"):
        folder = tmp_path / size
        folder.mkdir()
        (folder / "matplotlibrc").write_text(f"font.size: {size}\n", encoding="utf-8")
        code = (
            "import sys; from pathlib import Path; from verdict.classifier.scores.domain_chart import draw_domains;"
            "from verdict.classifier.dataset.vader import DOMAINS;"
            "draw_domains(Path(sys.argv[1]), *[dict.fromkeys(DOMAINS, n) for n in (0.7, 9)])"
        )
        environment = {**os.environ, "MPLCONFIGDIR": str(folder)}
        command = [sys.executable, "-c", code, str(folder / "a.png")]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=60)
        hashes.add(sha256(folder / "a.png"))
    assert len(hashes) == 1


def test_the_picture_depends_on_the_figures_alone(tmp_path: Path) -> None:
    """The same figures give the same bytes, other figures others."""
    figures = dict.fromkeys(DOMAINS, 0.7)
    for name, values in {"a": figures, "b": figures, "c": {**figures, "news": 0.6}}.items():
        draw_domains(tmp_path / f"{name}.png", values, dict.fromkeys(DOMAINS, 100))
    first, again, other = (sha256(tmp_path / f"{name}.png") for name in "abc")
    assert first == again
    assert first != other
