"""Tests of texts that come with a label: none without consent; with it encrypted, in its own place, for a time."""

import csv
import stat
import time
from pathlib import Path

import pyrage
import pytest

from tests.documents import save
from tests.unit.monitoring.posting import FeedbackHarness, receipt
from verdict.classifier.params.data import Data, Split
from verdict.cli import feedback, main
from verdict.init.new_rows import new_rows
from verdict.monitoring.feedback.settings import Consent
from verdict.web.receipts import Receipt

TEXT = 'xyzzy; "plugh"\nfoo, said the lamp ☃'


class TextsHarness(FeedbackHarness):
    """A service that keeps texts, and the private key to read them."""

    def __init__(self, folder: Path) -> None:
        identity = pyrage.x25519.Identity.generate()
        self.folder, self.bucket, self.identity = folder, folder / "bucket", folder / "identity"
        self.identity.write_text(f"# public key: {identity.to_public()}\n{identity}\n")
        self.group = {"texts": True, "recipient": str(identity.to_public()), "bucket": str(self.bucket), "days": 20}
        super().__init__(folder, consent=Consent.model_validate(self.group))

    def files(self) -> list[Path]:
        """All texts that are kept."""
        return sorted(path for path in self.bucket.rglob("*") if path.is_file())

    def rows(self, *options: str, **data: object) -> list[list[str]]:
        """The output of `verdict feedback rows` for data with these columns."""
        save(self.folder / "params.yaml", {"feedback": self.group, "data": data})
        out, params = self.folder / "rows.csv", str(self.folder / "params.yaml")
        arguments = ["--params", params, "--identity", str(self.identity), "--out", str(out), *options]
        assert main(["feedback", "rows", *arguments]) == 0
        assert stat.S_IMODE(out.stat().st_mode) == 0o600
        with out.open(newline="", encoding="utf-8") as file:
            return list(csv.reader(file))


@pytest.fixture
def kept(tmp_path: Path) -> TextsHarness:
    """A service that keeps texts with consent."""
    return TextsHarness(tmp_path)


def everything(folder: Path) -> bytes:
    """The bytes of all files below a folder."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_without_the_key_of_params_no_text_is_kept_anywhere(tmp_path: Path) -> None:
    """By default a text is refused, with consent or without; its receipt still counts without it."""
    harness, one = FeedbackHarness(tmp_path), receipt()
    for consent in (True, False):
        reply = harness.label(one, text=TEXT, consent=consent)
        assert (reply.status, "texts are not kept here" in reply.json["error"]) == (400, True)
    assert harness.label(one).status == 202
    assert b"xyzzy" not in everything(tmp_path)
    assert harness.refused() == {"text": 2}


def test_a_text_is_kept_with_consent_alone_and_encrypted(kept: TextsHarness) -> None:
    """Without consent it is refused; with it a file of its day holds it, which nobody reads without the private key."""
    assert kept.label(receipt(), text=TEXT).status == 400
    assert kept.label(receipt(), text=TEXT, consent=False).status == 400
    assert (kept.files(), kept.refused()) == ([], {"consent": 2})
    one = receipt("negative", "v1.2.0")
    assert [kept.label(one, "neutral", text=TEXT, consent=True).status for _ in range(3)] == [202] * 3
    (file,) = kept.files()
    assert file.parent.name == time.strftime("%Y-%m-%d", time.gmtime())
    assert one.split(".")[4] not in file.name
    assert file.read_bytes().startswith(b"age-encryption.org")
    assert b"xyzzy" not in everything(kept.folder)


def test_rows_come_back_in_the_columns_of_the_data(kept: TextsHarness) -> None:
    """Text, label, day and release, under the names of params.yaml; several columns of text stay several."""
    kept.label(receipt(release="v1.2.0"), "neutral", text=TEXT, consent=True)
    today = time.strftime("%Y-%m-%d", time.gmtime())
    assert kept.rows() == [["text", "label", "received", "release"], [TEXT, "neutral", today, "v1.2.0"]]
    head, row = kept.rows(text="said", label="truth", id="number")
    assert head == ["number", "said", "truth", "received", "release"]
    assert [row[0].startswith(kept.files()[0].stem), *row[1:]] == [True, TEXT, "neutral", today, "v1.2.0"]
    kept.label(receipt(), text={"subject": "a", "body": "b", "more": "c"}, consent=True)
    assert ["a", "b", "positive"] in [row[:3] for row in kept.rows(text=["subject", "body"])]
    assert kept.rows("--since", "2999-01-01") == [["text", "label", "received", "release"]]


def test_no_text_stops_the_rows_of_others(kept: TextsHarness) -> None:
    """Whatever somebody sends, `verdict data add` reads all of the table, and sees no row that nobody sent."""
    sent = ["one\rEVIL,a row of its own,negative", "two\0 halves", '"three', "=four()", "five\r\n\u2028\x1a", "six\\"]
    for text in sent:
        kept.label(receipt(), text=text, consent=True)
    kept.rows(id="number")
    (kept.folder / "table.csv").write_text("number,text,label\n1,a,positive\n2,b,negative\n", encoding="utf-8")
    data = Data.model_validate(
        {"path": str(kept.folder / "table.csv"), "text": "text", "label": "label", "id": "number"}
    )
    found = new_rows(data, Split(), [kept.folder / "rows.csv"], {})
    assert sorted(row.cells["text"] for row in found.rows) == sorted(text.replace("\0", " ") for text in sent)


def test_before_anybody_has_sent_a_text_there_is_nothing_to_add(kept: TextsHarness) -> None:
    """A table without rows is taken as such, beside others that have some."""
    assert len(kept.rows()) == 1
    (kept.folder / "table.csv").write_text("text,label\na,positive\nb,negative\n", encoding="utf-8")
    (kept.folder / "more.csv").write_text("text,label\nc,negative\n", encoding="utf-8")
    data = Data.model_validate({"path": str(kept.folder / "table.csv"), "text": "text", "label": "label"})
    sources = [kept.folder / "rows.csv", kept.folder / "more.csv"]
    assert [len(new_rows(data, Split(), sources[:count], {}).rows) for count in (1, 2)] == [0, 1]


def test_another_text_of_a_receipt_is_another_row(kept: TextsHarness) -> None:
    """Its first one may be in the data by now, where an id that two texts have would stop all."""
    one, found = receipt(), list[list[str]]()
    for text in ("one", "two"):
        assert kept.label(one, text=text, consent=True).status == 202
        found += kept.rows(id="number")[1:]
    assert [row[1] for row in found] == ["one", "two"]
    assert found[0][0] != found[1][0]


def test_what_does_not_open_is_told(kept: TextsHarness, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A file that a kill cut off is left out, and counted; a wrong key, or none, is an error."""
    for _ in range(2):
        kept.label(receipt(), text=TEXT, consent=True)
    kept.files()[0].write_bytes(kept.files()[0].read_bytes()[:200])
    assert len(kept.rows()) == 2
    assert "1 texts do not open" in capsys.readouterr().err
    kept.identity.write_text(str(pyrage.x25519.Identity.generate()))
    given = ["feedback", "rows", "--params", str(tmp_path / "params.yaml"), "--out", str(tmp_path / "other.csv")]
    assert main([*given, "--identity", str(kept.identity)]) == 1
    assert "opens none of the texts" in capsys.readouterr().err
    for wrong in (b"no key", b"\xff" * 32):
        kept.identity.write_bytes(wrong)
        assert main([*given, "--identity", str(kept.identity)]) == 1
        assert "no private key of age" in capsys.readouterr().err
    assert main(given) == 1
    assert "--identity: is missing" in capsys.readouterr().err
    assert not (tmp_path / "other.csv").exists()


def test_who_has_the_receipt_can_have_the_text_erased(kept: TextsHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weeks later, too; no late retry brings it back, the count stays, a stranger's receipt erases nothing."""
    one, other = receipt(), receipt()
    for own in (one, other):
        kept.label(own, text=TEXT, consent=True)
    assert kept.post("/feedback/erase", {"receipt": receipt(key=b"x" * 32)}).status == 403
    later = time.time() + 19 * 86_400
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: later)
        assert kept.post("/feedback/erase", {"receipt": one}).json == {"erased": True}
    assert kept.post("/feedback/erase", {"receipt": one}).json == {"erased": False}
    assert kept.label(one, text=TEXT, consent=True).status == 409
    assert len(kept.files()) == 1
    assert sum(kept.counts().values()) == 2


def test_a_text_that_is_on_its_way_is_erased_as_well(kept: TextsHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """An erasure while a slow bucket still writes leaves no text behind."""
    one, texts = receipt(), kept.feedback.texts
    assert texts is not None
    keep = texts.keep

    def slowly(told: Receipt, label: str, text: str) -> None:

        kept.feedback.store.erase(told)
        assert not texts.erase(told)
        keep(told, label, text)

    monkeypatch.setattr(texts, "keep", slowly)
    kept.label(one, text=TEXT, consent=True)
    assert kept.files() == []


def test_old_texts_are_purged(kept: TextsHarness, capsys: pytest.CaptureFixture[str]) -> None:
    """After the days of params.yaml, by the day of the answer; nothing else in the place is touched."""
    kept.label(receipt(), text=TEXT, consent=True)
    (file,) = kept.files()
    for days in (19, 22):
        old = kept.bucket / time.strftime("%Y-%m-%d", time.gmtime(time.time() - days * 86_400)) / file.name
        old.parent.mkdir()
        old.write_bytes(b"")
    (kept.bucket / "other").write_bytes(b"")
    save(kept.folder / "params.yaml", {"feedback": kept.group})
    assert main(["feedback", "purge", "--params", str(kept.folder / "params.yaml")]) == 0
    assert "removed 1 texts" in capsys.readouterr().out
    assert len(kept.files()) == 3


def test_a_place_that_is_away_is_told_and_the_text_can_come_again(
    kept: TextsHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    """The label counts; the text is 503 until it can be written, and nothing of it is in the log."""
    kept.bucket.write_text("no folder")
    one = receipt()
    reply = kept.label(one, text=TEXT, consent=True)
    assert (reply.status, reply.headers["retry-after"]) == (503, "5")
    kept.bucket.unlink()
    assert kept.label(one, text=TEXT, consent=True).status == 202
    assert (len(kept.files()), sum(kept.counts().values())) == (1, 1)
    assert "xyzzy" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("group", "told"),
    [
        ({"texts": True}, "needs recipient"),
        ({"texts": "yes"}, "valid boolean"),
        ({"text": True}, "Extra inputs"),
        ({"texts": True, "recipient": "age1nothing", "bucket": "x"}, "feedback"),
        ({"texts": True, "recipient": "AGE-SECRET-KEY-1", "bucket": "x"}, "feedback.recipient"),
    ],
)
def test_a_group_that_cannot_be_meant_stops_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], group: dict[str, object], told: str
) -> None:
    """Consent without a place or a key, a misspelt key, a private key in its place: an error, and no service."""
    save(tmp_path / "params.yaml", {"feedback": group})
    (tmp_path / "key").write_text("k" * 32)
    given = ["--params", str(tmp_path / "params.yaml"), "--receipt-key", str(tmp_path / "key"), "--labels", "a,b"]
    assert main(["feedback", *given, "--database", f"sqlite:///{tmp_path}/x.db"]) == 1
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("labels", ["", "a,,b", " , "])
def test_a_label_without_a_name_stops_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], labels: str
) -> None:
    """Nobody could send it, or any other: an error, and no service."""
    (tmp_path / "key").write_text("k" * 32)
    given = ["--receipt-key", str(tmp_path / "key"), "--database", "no URL", "--labels", labels]
    assert main(["feedback", *given]) == 1
    assert "a label without a name" in capsys.readouterr().err


def test_blanks_around_labels_are_none_of_theirs() -> None:
    """As people write them: `a, b`."""
    assert feedback._labels('a, b ,"c, d"') == ("a", "b", "c, d")


def test_a_defect_shows_no_text(
    kept: TextsHarness, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A crash is 500 for its own request; neither answer, log nor metrics hold the text, and the next one counts."""

    def crash(*_: object) -> None:
        raise ValueError(TEXT)

    with monkeypatch.context() as patched:
        patched.setattr(kept.feedback.store, "_add", crash)
        reply = kept.label(receipt(), text=TEXT, consent=True)
    out, err = capfd.readouterr()
    assert (reply.status, "ValueError at " in err) == (500, True)
    assert "xyzzy" not in reply.body.decode() + out + err + kept.metrics()
    assert kept.label(receipt(), text=TEXT, consent=True).status == 202
