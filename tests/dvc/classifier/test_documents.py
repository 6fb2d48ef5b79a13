"""The reader of all YAML agrees with DVC's, and the writer writes the same text."""

import random
import subprocess
from collections.abc import Callable
from datetime import date

import pytest
from dvc.utils.serialize import dumps_yaml, parse_yaml

from tests.conftest import ROOT
from verdict.base import documents
from verdict.base.errors import VerdictError

# What versions 1.1 and 1.2, or two libraries of one version, may take for different things.
_WORDS = """1e-05 3e-5 1.0e-5 1e5 1E5 +1e-5 -1e-5 1e+16 1.e3 .5 -.5 .5e3 .5e-3 5. 0. -0.0 00.1 1e999 1_0.5 0x1p3
1 +1 -1 0 00 012 -012 0o14 0O14 0b11 0x1F 1_000 _1 1_ - -_ + 0o 9999999999999999999999 12e45 1234e5678
1:30 1:30:15 12:30:45 1:1.5 y n yes no Yes on off On OFF true True TRUE tRUE false ~ null Null nULL
.inf -.inf +.inf .Inf .iNf .nan .NaN nan inf = == < << <<< . .. ... -- --- : :a a: a:b ? ?a a?b
2026-01-02 2026-1-2 2026-13-45 2026-01-02T03:04:05Z 2026-01-02t03:04:05.6+01:00 2026-01-02
'1e-05' "1e-05" '' "" '<<' "=" 'it''s' "a\\tb" "\\u00e9" "\\/" "\\x41" !!str !!int !!str\u00a01
&a *a !a a#b é 日 😀"""
SCALARS = [
    *_WORDS.split(),
    "",
    "a b",
    "a #b",
    "a\tb",
    "2026-01-02 03:04:05",
    "a, b",
    "1 2",
    "{a: b}",
    "[a, b: c]",
    "[]",
    "{}",
    "9" * 5000,
]
PIECES = [
    "a",
    "b",
    "1",
    "0",
    ".",
    "-",
    "- ",
    ": ",
    ":",
    ":\n",
    "\n",
    "\n  ",
    "\n    ",
    " ",
    "? ",
    "[",
    "]",
    "{",
    "}",
    ", ",
]
PIECES += [
    ",",
    "'",
    '"',
    "''",
    '""',
    "#",
    " # c",
    "\n# c\n",
    "&a ",
    "*a",
    "!!str ",
    "|\n",
    ">-\n",
    "%YAML 1.1\n",
    "---\n",
]
PIECES += [
    "...\n",
    "\t",
    "@",
    "`",
    "\x85",
    "\u2028",
    "\ufeff",
    "\x07",
    "\\",
    "\r\n",
    "a: 1\n",
    "- a\n",
    "k" * 1030,
    "x:\n- y\n",
]
# Once read differently by the two libraries.
FOUND = ["a: [b, '':5]\n", "a: [b,\n '':5]\n", "a: {b,\n '':5}\n"]


def outcome(read: Callable[[str], object], text: str) -> str:
    """The result of reading, with its type; all errors are equal."""
    try:
        found = read(text)
    except Exception:  # DVC lets its library's own errors through
        return "an error"
    return repr(found or {})  # as DVC has it for a whole document


def ours(text: str) -> object:
    """By this project's reader."""
    return documents.parse(text, "a text", "none")


def dvcs(text: str) -> object:
    """By DVC's."""
    return parse_yaml(text, "a text")


@pytest.mark.parametrize(
    "form", ["k: {}\n", "{}: k\n", "- {}\n", "k: [a, {}]\n", "k: {{a: {}}}\n", "{}\n", "k:\n  {}\n"]
)
def test_every_kind_of_scalar_is_to_us_what_it_is_to_dvc(form: str) -> None:
    """As a value, a key or an item, each has DVC's value and type, or is an error to both."""
    for scalar in SCALARS:
        text = form.replace("{}", scalar).replace("{{", "{").replace("}}", "}")
        assert outcome(ours, text) == outcome(dvcs, text), text[:100]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1e-05", 0.00001),
        ("on", "on"),
        ("no", "no"),
        ("012", 12),
        ("0o14", 12),
        ("1_000", 1000),
        ("1:30", "1:30"),
        ("~", None),
        ("1e5", 100000.0),
        ("'1e-05'", "1e-05"),
        ("2026-01-02", date(2026, 1, 2)),
    ],
)
def test_yaml_is_of_version_1_2(written: str, value: object) -> None:
    """Numbers without a point are numbers, and what only version 1.1 has is a word."""
    assert ours(f"k: {written}") == {"k": value}


def _document(generator: random.Random, known: list[str]) -> str:
    """Signs in any order, or lines of a real file with some signs changed."""
    if generator.random() < 0.3:
        return "".join(generator.choices([*PIECES, *SCALARS[:-1]], k=generator.randint(1, 12)))
    lines = generator.choice(known).splitlines(keepends=True)
    first = generator.randrange(len(lines))
    text = "".join(lines[first : first + generator.randint(1, 8)])
    for _ in range(generator.randint(0, 4)):
        at = generator.randrange(len(text) + 1)
        text = text[:at] + generator.choice(PIECES) + text[at + generator.choice((0, 0, 1, 2)) :]
    return text


def test_any_document_is_to_us_what_it_is_to_dvc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of documents drawn at random none is read otherwise, and many of them are read without DVC's library."""
    slow, bounded = [], documents.require_bounded

    def counted(text: str, where: str, remedy: str, *, aliases: bool) -> None:
        slow.append(text)
        bounded(text, where, remedy, aliases=aliases)

    monkeypatch.setattr(documents, "require_bounded", counted)
    generator = random.Random(12)
    known = [(ROOT / name).read_text(encoding="utf-8") for name in ("params.yaml", "dvc.yaml", "dvc.lock")]
    texts = FOUND + [_document(generator, known) for _ in range(1000)]
    for text in texts:
        assert outcome(ours, text) == outcome(dvcs, text), text
    assert len(slow) < 0.8 * len(texts)


@pytest.mark.parametrize("name", ["params.yaml", "dvc.yaml", "dvc.lock", "sweeps/linear.yaml"])
def test_the_files_of_this_repository_are_read_quickly(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read without DVC's library, which would give the same: a leaderboard reads hundreds of them."""
    text = (ROOT / name).read_text(encoding="utf-8")
    expected = dvcs(text)
    monkeypatch.delattr(documents, "YAML")
    assert repr(ours(text)) == repr(expected)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\na: 2\n", "duplicate key"),
        ("{a: 1, 'a': 2}", "duplicate key"),
        ("1: x\n1.0: y\n", "duplicate key"),
        ("a: [", "not readable as YAML"),
        ("a: 1\n--- \nb: 2\n", "single document"),
        ("a: 2026-13-45", "month must be"),
        ("a: !!int x", "not readable as YAML"),
        ("[" * 700, "without end"),
    ],
)
def test_what_is_refused_is_told_with_file_reason_and_remedy(text: str, reason: str) -> None:
    """A key given twice and a value that cannot be are errors like any other that a user can mend."""
    with pytest.raises(VerdictError) as caught:
        documents.parse(text, "x.yaml", "git diff x.yaml")
    assert (caught.value.where, caught.value.remedy) == ("x.yaml", "git diff x.yaml")
    assert reason in caught.value.what


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: &a [x, x]\nb: [*a, *a]\n", "aliases"),
        ("a: &a {x: 1}\nb:\n  <<: *a\n", "aliases"),
        # Only DVC's library reads this; an alias in it must not slip through another one's error.
        ("{a: &a [x], b: [*a, {'c':5}]}", "aliases"),
        ("- " * 5000, "without end"),
        ("[" * 700, "without end"),
        ("# " + "x" * 400_000 + "\n\ta", "characters long"),
    ],
)
def test_what_a_stranger_wrote_cannot_grow(text: str, reason: str) -> None:
    """Aliases, endless nesting and length are refused by both ways to ask."""
    with pytest.raises(VerdictError, match=reason):
        documents.require_bounded(text, "x.yaml", "none")
    with pytest.raises(VerdictError, match=reason):
        documents.parse(text, "x.yaml", "none", aliases=False)


@pytest.mark.parametrize("text", ["a: [", 'a: "\\UFFFFFFFF"', "a: \x07", "a: 1\n"])
def test_what_is_within_bounds_or_no_yaml_passes(text: str) -> None:
    """Text that is no YAML passes the bounds; its reader reports the error."""
    documents.require_bounded(text, "x.yaml", "none")


def test_what_is_written_is_what_dvc_writes() -> None:
    """The bytes are the same, and texts that look like numbers stay texts."""
    texts = [scalar.strip("'\"") for scalar in SCALARS if scalar.isprintable()]
    document = {"texts": texts, "numbers": [1e-05, 3e-5, 1e16, 1.5, 12, True, None], "cmd": "a && " * 60, "no": {}}
    document["outs"] = [{"path": "on", "md5": "12345678901234567890123456789e12"}]
    assert documents.dump(document) == dumps_yaml(document)
    assert ours(documents.dump(document)) == document


def test_yaml_is_read_and_written_in_one_place() -> None:
    """No other module has a YAML library of its own, but those that look at what kubectl reads: streams of YAML 1.1."""
    command = ["git", "grep", "--untracked", "-lE", r"^\s*(import|from) (yaml|ruamel)\b", "--", "*.py"]
    found = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    kubernetes = ("dev/manifests.py", "tests/manifests/", "tests/unit/serving/test_kubernetes.py")
    assert [name for name in found if not name.startswith(kubernetes)] == ["verdict/base/documents.py"]
