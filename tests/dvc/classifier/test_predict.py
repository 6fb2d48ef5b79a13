"""Tests of verdict/classifier/predict.py and of the command line: one line in is one line out."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.unit.stages.runs import build, build_mails
from verdict.base.errors import VerdictError
from verdict.classifier.predict import BATCH_LINES, predict

LINES = [
    b"a wonderful lamp",
    b"",
    b"   ",
    b"caf\xe9 \xff\xfe",
    "\U0001f600 lovely \U0001f44d\U0001f3fd".encode(),
    "one\u2028line\u2029still\u0085one".encode(),
    b'quotes " and \\ and \t tabs',
    b"carriage\rreturn inside",
    b"word " * 200_000,
    b"x" * 1_000_000,
    b"\x00\x01\x02",
    b"</script><b>&amp;amp;",
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact of the small table: its text is one column."""
    return build(tmp_path_factory.mktemp("predict") / "run") / "models/classifier"


@pytest.fixture(scope="module")
def of_mails(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact of a table of mails, whose text is made of subject and body."""
    return build_mails(tmp_path_factory.mktemp("mails") / "run") / "models/classifier"


def answers(model: Path, content: bytes, processes: int | None = None) -> list[dict[str, Any]]:
    """The answers to an input, each line parsed by itself."""
    sink = io.BytesIO()
    count = predict(model, io.BytesIO(content), sink, processes)
    lines = sink.getvalue().decode("utf-8").splitlines()
    assert count == len(lines)
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("final", [True, False], ids=["with-final-end", "without"])
def test_every_line_gets_one_answer_in_order(model: Path, end: bytes, final: bool) -> None:
    """Empty, very long, broken and odd lines are each answered by one JSON line with their text."""
    found = answers(model, end.join(LINES) + (end if final else b""))
    assert [answer["text"] for answer in found] == [line.decode("utf-8", "replace") for line in LINES]
    for answer in found:
        assert list(answer) == ["text", "label", "probabilities"]
        assert list(answer["probabilities"]) == ["negative", "neutral", "positive"]
        assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=5e-6)
        assert answer["label"] == max(answer["probabilities"], key=lambda name: answer["probabilities"][name])


def test_no_input_gets_no_answer(model: Path) -> None:
    """An empty input is answered by nothing."""
    assert answers(model, b"") == []


def test_two_processes_give_the_answers_of_one(model: Path) -> None:
    """Batches scored side by side come back in order and the same."""
    content = b"".join(b"a wonderful lamp number %d\n" % number for number in range(6 * BATCH_LINES + 7))
    assert answers(model, content, processes=2) == answers(model, content, processes=1)


@pytest.mark.parametrize("processes", [1, 2])
def test_texts_that_are_too_long_are_scored_by_their_beginning_and_counted(
    model: Path, capsys: pytest.CaptureFixture[str], processes: int
) -> None:
    """Two of them end in the answers of their first 2,000 characters, and in one note; the others in none."""
    short, many = b"wonderful " * 200, b"a lamp\n" * 3 * BATCH_LINES
    assert len(short) == 2000
    found = answers(model, b"\n".join([short + b"awful " * 900, short, short + b"a" * 9000, b"", many]), processes)
    assert found[0]["probabilities"] == found[1]["probabilities"] == found[2]["probabilities"]
    note = capsys.readouterr().err
    assert note == (
        "note: 2 of 6,004 lines scored by their first 2,000 characters, as many as the artifact reads"
        " (text.max_length)\n"
    )


def mail(number: int = 0, **values: object) -> dict[str, object]:
    """A mail."""
    return {"subject": f"letter {number}", "body": "the lamp is superb\nand great \u2028 so", **values}


def as_lines(values: list[object]) -> bytes:
    """JSON, a value a line."""
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


@pytest.mark.parametrize("processes", [1, 2])
def test_an_artifact_of_several_columns_takes_objects_and_gives_them_back(of_mails: Path, processes: int) -> None:
    """A line is an object of its columns, in any order, or a text in quotes; each is answered with what was given."""
    given: list[object] = [mail(), dict(reversed(mail(1).items())), "letter 2\nawful", mail(body=""), mail(body="\0 é")]
    many = given * BATCH_LINES
    found = answers(of_mails, as_lines(many), processes)
    assert [answer["text"] for answer in found] == many
    assert all(list(answer["probabilities"]) == ["ham", "spam"] for answer in found)
    assert (
        found[0]["probabilities"]
        == answers(of_mails, as_lines(["letter 0\n" + str(mail()["body"])]))[0]["probabilities"]
    )
    assert (found[0]["label"], found[0]["probabilities"]["spam"] > 0.5) == ("spam", True)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"a plain text", "Expecting value"),
        (b"", "Expecting value"),
        (b"7", "expected a text, or an object of subject, body"),
        (b"null", "expected a text, or an object of subject, body"),
        (b'["subject", "body"]', "expected a text, or an object of subject, body"),
        (b'{"subject": "a"}', "expected a text, or an object of subject, body"),
        (b'{"subject": "a", "body": "b", "more": "c"}', "expected a text, or an object of subject, body"),
        (b'{"subject": "a", "body": null}', "body: expected a text"),
        (b'{"subject": ' + b"[" * 100_000, "recursion"),
        (b'{"subject": ' + b"1" * 5_000 + b"}", "digits"),
    ],
    ids=["plain", "empty", "number", "null", "list", "lacking", "surplus", "no-text", "deep", "long-number"],
)
@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("number", [3, 2 * BATCH_LINES + 5])
def test_a_line_that_is_no_object_is_told_by_its_number(
    of_mails: Path, line: bytes, words: str, processes: int, number: int
) -> None:
    """In the first batch or a later one, by one process or by several: the line, what is wrong, and an example."""
    lines = [json.dumps(mail()).encode()] * (3 * BATCH_LINES)
    lines[number - 1] = line
    with pytest.raises(VerdictError, match=words) as caught:
        answers(of_mails, b"\n".join(lines), processes)
    assert caught.value.where == f"standard input, line {number}"
    assert caught.value.remedy == 'lines such as {"subject": "…", "body": "…"}'
    assert len(caught.value.what) < 300


def test_the_command_answers_objects(of_mails: Path) -> None:
    """As for plain lines: nothing but the answers, and a line that is none ends in exit code 1 and its number."""
    done = run(of_mails, as_lines([mail()]))
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["text"] == mail()
    bad = run(of_mails, as_lines([mail(), mail(body=1)]))
    assert bad.returncode == 1
    assert b"error: standard input, line 2: body: expected a text" in bad.stderr
    assert b"Traceback" not in bad.stderr


def run(model: Path, content: bytes) -> subprocess.CompletedProcess[bytes]:
    """The command, as a user calls it."""
    command = [sys.executable, "-I", "-m", "verdict", "predict", "--model", str(model)]
    return subprocess.run(command, cwd=ROOT, input=content, capture_output=True, check=False, timeout=60)


def test_the_command_answers_on_standard_output(model: Path) -> None:
    """The command writes nothing but the answers, and exits with 0."""
    done = run(model, b"a wonderful lamp\nthis awful boat\n")
    assert done.returncode == 0
    assert done.stderr == b""
    assert [json.loads(line)["label"] for line in done.stdout.splitlines()] == ["positive", "negative"]


def test_the_command_refuses_a_folder_that_is_no_artifact(tmp_path: Path) -> None:
    """A wrong folder ends in exit code 1 and a message with the remedy, not in a traceback."""
    done = run(tmp_path, b"a lamp\n")
    assert done.returncode == 1
    assert b"remedy" in done.stderr
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""


@pytest.mark.parametrize("count", ["0", "-3", "many"])
def test_a_number_of_processes_that_is_none_is_refused(count: str) -> None:
    """`--processes` takes only whole numbers from 1."""
    command = [sys.executable, "-I", "-m", "verdict", "predict", f"--processes={count}"]
    done = subprocess.run(command, cwd=ROOT, input=b"", capture_output=True, check=False, timeout=60)
    assert done.returncode == 2
    assert b"whole number from 1" in done.stderr


def test_a_reader_that_leaves_early_causes_no_traceback(model: Path) -> None:
    """`... | head -1` ends quietly."""
    command = f"yes a wonderful lamp | head -20000 | {sys.executable} -I -m verdict predict --model {model} | head -1"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, check=False, timeout=120)
    assert done.stdout.count(b"\n") == 1
    assert b"Traceback" not in done.stderr


def test_prediction_imports_no_table_and_no_learner(model: Path) -> None:
    """Prediction imports no training code and no table reader."""
    slow = ["torch", "sklearn", "pandera", "matplotlib", "pandas", "pyarrow", "scipy", "dvc"]
    slow += ["transformers", "tokenizers"]
    code = (
        "import sys; from verdict.classifier.artifact import load_classifier; from pathlib import Path;"
        f"load_classifier(Path({str(model)!r})).probabilities(['a &amp; b']); import verdict.classifier.predict;"
        f"print([name for name in {slow!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
