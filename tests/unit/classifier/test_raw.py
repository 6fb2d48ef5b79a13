"""Tests of verdict/classifier/dataset/vader.py: what is dropped is counted, what cannot be read is refused."""

from collections import Counter
from pathlib import Path

import pytest

from tests.corpus import SIZES
from verdict.base.errors import VerdictError
from verdict.classifier.dataset.vader import FILES, read_domain

GOOD_RATINGS = "[1, 2, 3]"


def write_pair(folder: Path, truth: list[str], ratings: list[str]) -> None:
    """The two files of the domain movies."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, lines in (("GroundTruth", truth), ("anonDataRatings", ratings)):
        (folder / f"{FILES['movies']}_{kind}.txt").write_text("\r\n".join(lines) + "\r\n", encoding="utf-8", newline="")


def read(folder: Path) -> tuple[list[str], dict[str, int]]:
    """The keys that were kept, and the counts of what was dropped by reason."""
    dropped: Counter[tuple[str, str]] = Counter()
    sentences = read_domain(folder, "movies", dropped)
    return [sentence.key for sentence in sentences], {reason: count for (_, reason), count in dropped.items()}


@pytest.mark.parametrize("domain", SIZES)
def test_valid_files_are_read_whole_and_in_order(raw_folder: Path, domain: str) -> None:
    """Every row of valid files is kept, with or without a byte-order mark, and nothing is counted as dropped."""
    dropped: Counter[tuple[str, str]] = Counter()
    sentences = read_domain(raw_folder, domain, dropped)
    assert len(sentences) == SIZES[domain]
    assert not dropped
    assert sentences[0].ratings.raters == 20
    assert sentences[0].valence == pytest.approx(sentences[0].ratings.mean)


@pytest.mark.parametrize(
    ("truth", "ratings", "reason"),
    [
        ("2\t1.0", f"2\t1\t1\t{GOOD_RATINGS}", "not three columns"),
        ("2\t1.0\ta fine lamp\tmore", f"2\t1\t1\t{GOOD_RATINGS}", "not three columns"),
        ("2\tgood\ta fine lamp", f"2\t1\t1\t{GOOD_RATINGS}", "mean is not a number"),
        ("2\tnan\ta fine lamp", f"2\t1\t1\t{GOOD_RATINGS}", "mean is not a number"),
        ("2\tinf\ta fine lamp", f"2\t1\t1\t{GOOD_RATINGS}", "mean is not a number"),
        ("2\t4.5\ta fine lamp", f"2\t1\t1\t{GOOD_RATINGS}", "mean outside [-4, 4]"),
        ("\t1.0\ta fine lamp", f"2\t1\t1\t{GOOD_RATINGS}", "no id"),
        ("1\t1.0\ta fine lamp", f"2\t1\t1\t{GOOD_RATINGS}", "id used before"),
        ("2\t1.0\t  ", f"2\t1\t1\t{GOOD_RATINGS}", "no text"),
        ("2\t1.0\ta fine lamp", f"3\t1\t1\t{GOOD_RATINGS}", "no ratings"),
        ("2\t1.0\ta fine lamp", "2\t1\t1\tmany", "unusable ratings"),
        ("2\t1.0\ta fine lamp", "2\t1\t1\t[1, NaN]", "unusable ratings"),
        ("2\t1.0\ta fine lamp", "2\t1\t1\t[1, 9]", "unusable ratings"),
        ("2\t1.0\ta fine lamp", '2\t1\t1\t[1, "2"]', "unusable ratings"),
        ("2\t1.0\ta fine lamp", "2\t1\t1\t[1, true]", "unusable ratings"),
        ("2\t1.0\ta fine lamp", "2\t1\t1\t[]", "unusable ratings"),
        ("2\t1.0\ta fine lamp", "2\t1\t1\t7", "unusable ratings"),
        ("2\t1.0\ta fine lamp", f"2\t1\t{GOOD_RATINGS}", "ratings: not four columns"),
    ],
)
def test_an_unusable_row_is_dropped_and_counted_by_reason(
    tmp_path: Path, truth: str, ratings: str, reason: str
) -> None:
    """One bad row beside a good one: the good one stays, the bad one is counted under its reason."""
    write_pair(tmp_path, ["1\t1.0\ta good lamp", truth], [f"1\t1\t1\t{GOOD_RATINGS}", ratings])
    kept, dropped = read(tmp_path)
    assert kept == ["1"]
    assert dropped[reason] == 1


def test_a_missing_file_is_refused_with_the_way_to_get_it(raw_folder: Path) -> None:
    """A missing raw file is named, with the command that gets it."""
    (raw_folder / "tweets_GroundTruth.txt").unlink()
    with pytest.raises(VerdictError, match=r"tweets_GroundTruth\.txt.*no such file[\s\S]*data/fetch\.py"):
        read_domain(raw_folder, "tweets", Counter())


@pytest.mark.parametrize("content", [b"", b"\r\n\r\n", b"\xef\xbb\xbf"], ids=["nothing", "blank-lines", "only-a-mark"])
def test_an_empty_file_is_refused(raw_folder: Path, content: bytes) -> None:
    """A file without a line is an error, not a domain without sentences."""
    (raw_folder / "tweets_anonDataRatings.txt").write_bytes(content)
    with pytest.raises(VerdictError, match="empty file"):
        read_domain(raw_folder, "tweets", Counter())


def test_a_wrong_encoding_is_refused_with_its_line(raw_folder: Path) -> None:
    """A file in Latin-1 is refused, and the first bad line is named."""
    path = raw_folder / "tweets_GroundTruth.txt"
    lines = path.read_bytes().split(b"\r\n")
    lines[2] = "3\t1.0\ta caf\u00e9".encode("latin-1")
    path.write_bytes(b"\r\n".join(lines))
    with pytest.raises(VerdictError, match="line 3: not UTF-8"):
        read_domain(raw_folder, "tweets", Counter())


def test_a_file_of_bad_rows_alone_is_refused_with_the_reasons(tmp_path: Path) -> None:
    """A file with no usable row is an error that says why, not an empty domain."""
    write_pair(tmp_path, ["1,1.0,a lamp", "2,1.0,a boat"], [f"1\t1\t1\t{GOOD_RATINGS}"])
    with pytest.raises(VerdictError, match=r"no usable row .2 × not three columns"):
        read(tmp_path)


def test_characters_that_only_look_like_line_ends_stay_inside_their_sentence(tmp_path: Path) -> None:
    """U+0085 and U+2028 do not end a row."""
    write_pair(tmp_path, ["1\t1.0\ta\u0085good\u2028lamp"], [f"1\t1\t1\t{GOOD_RATINGS}"])
    assert read(tmp_path) == (["1"], {})


def test_the_deviation_is_that_of_the_population(tmp_path: Path) -> None:
    """The deviation of the ratings 1, 2, 3 is the root of two thirds."""
    write_pair(tmp_path, ["1\t2.0\ta good lamp"], [f"1\t2\t1\t{GOOD_RATINGS}"])
    (sentence,) = read_domain(tmp_path, "movies", Counter())
    assert sentence.ratings.deviation == pytest.approx((2 / 3) ** 0.5)


@pytest.mark.parametrize("ratings", [f"[{'1' * 5000}]", "[" * 100_000], ids=["endless-number", "endless-nesting"])
def test_ratings_that_json_gives_up_on_are_dropped_and_counted(raw_folder: Path, ratings: str) -> None:
    """A field that breaks the JSON reader is a row with unusable ratings like any other."""
    with (raw_folder / "tweets_anonDataRatings.txt").open("a", encoding="utf-8") as file:
        file.write(f"900\t1.0\t1.0\t{ratings}\n")
    with (raw_folder / "tweets_GroundTruth.txt").open("a", encoding="utf-8") as file:
        file.write("900\t1.0\tA cup on a shelf\n")
    dropped: Counter[tuple[str, str]] = Counter()
    read_domain(raw_folder, "tweets", dropped)
    assert dropped == {("tweets", "unusable ratings"): 1}
