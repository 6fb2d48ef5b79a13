"""Near-duplicates of test rows in the training data: which pairs count, and when a rise is more than chance."""

import random
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from stages import evaluate
from tests.dvc.pipeline.clone import Clone
from tests.dvc.review import edits
from tests.dvc.review.edits import TEST, ReviewRunner
from tests.dvc.review.tampering import relock
from verdict.review import similarity
from verdict.review.rules.duplicates import NAME, Rise, Side, near_duplicates, rise

clone, runner = edits.clone, edits.runner
SENTENCE = "The film drags on, and nobody in it seems to care."
TRAIN = "data/prepared/train.parquet"
EDITS: dict[str, Callable[[str], str]] = {
    "a word added": lambda text: f"{text} Really",
    "a word inside": lambda text: text.replace("nobody", "nobody else"),
    "a word less": lambda text: text.replace("and ", ""),
    "a word swapped": lambda text: text.replace("film", "movie"),
    "a typo": lambda text: text.replace("nobody", "noboby"),
    "case and punctuation": lambda text: text.upper().replace(",", " -").replace(".", "!!"),
    "two glued": lambda text: f"{text} On the other hand the camera work deserves every prize there is this year.",
    "underscores for blanks": lambda text: text.replace(" ", "_"),
    "letters that nobody sees": "\u200b".join,
    "accents": "\u0323".join,
    "another order": lambda text: " ".join(reversed(text.split())),
}


def is_near(tested: str, learnt: str) -> bool:
    """Return whether one text is a near-duplicate of the other."""
    side = Side.of([tested], [learnt])
    return bool(near_duplicates(side.test, side.training))


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_copy_is_a_near_duplicate(name: str) -> None:
    """A sentence with a word or two changed, other marks, or another one glued to it counts, whichever is tested."""
    edited = EDITS[name](SENTENCE)
    assert is_near(SENTENCE, edited)
    assert is_near(edited, SENTENCE)


@pytest.mark.parametrize("text", ["Anger is ugly", "So sad", "no way http://url_removed", ":'( :'( :'("])
def test_a_short_sentence_with_a_word_added_is_one(text: str) -> None:
    """Two to four words with one more count, and an emoticon counts by itself."""
    assert is_near(text, text if text.startswith(":") else f"{text} indeed")


@pytest.mark.parametrize(
    ("tested", "learnt"),
    [
        (SENTENCE, "The film is long, and most of the people in the audience seem to like it."),
        ("I hate this.", "I hate to say it, but this is the best of them."),
        ("", "anything at all"),
    ],
)
def test_an_ordinary_pair_is_none(tested: str, learnt: str) -> None:
    """Sentences that share common words, and one without any word, are no near-duplicates."""
    assert not is_near(tested, learnt)


CHINESE = "这部电影的情节十分拖沓没有人关心里面的任何角色"


@pytest.mark.parametrize(
    "edited",
    [CHINESE.replace("十分", "非常"), CHINESE + "了", CHINESE[2:], "。".join([CHINESE, "不过摄影和音乐都值得称赞"])],
)
def test_an_edited_copy_without_blanks_is_one(edited: str) -> None:
    """In a script without blanks letters are counted in pairs: a word swapped, added, left out, or two texts glued."""
    assert is_near(CHINESE, edited)
    assert is_near(edited, CHINESE)


def test_two_texts_without_blanks_are_none_by_their_commonest_letters() -> None:
    """Two comments that share a handful of letters, and one that is short, are no near-duplicates."""
    assert not is_near(CHINESE, "这本书的内容很好里面的人物都让人喜欢")
    assert not is_near("很好", "不好")


@pytest.mark.parametrize("work", [1, 10, 10**6])
@pytest.mark.parametrize("size", [5, 12, 40])
def test_the_pairs_are_those_of_comparing_each_with_each(monkeypatch: pytest.MonkeyPatch, work: int, size: int) -> None:
    """For any input, the pairs are those that a comparison of all with all finds, most alike first."""
    drawn = random.Random(f"{work} {size}")
    words = [f"w{number}" for number in range(size)]
    tested, learnt = ([" ".join(drawn.choices(words, k=drawn.randint(0, 12))) for _ in range(n)] for n in (30, 60))
    monkeypatch.setattr(similarity, "_WORK", work)
    side = Side.of(tested, learnt)
    scores = {}
    for own, text in side.test.items():
        for other, another in side.training.items():
            one, two = ({*part.split()} or {""} for part in (text, another))
            shared = len(one & two)
            scores[own, other] = shared / (len(one) * len(two)) ** 0.5
            held = shared >= similarity.CONTAINED_WORDS and shared >= similarity.CONTAINED * min(len(one), len(two))
            if not (held or scores[own, other] >= similarity.ALIKE):
                del scores[own, other]
    found = near_duplicates(side.test, side.training)
    assert set(found) == set(scores)
    assert len(found) == len(scores)
    assert [scores[pair] for pair in found] == pytest.approx(sorted(scores.values(), reverse=True))


def test_of_a_thousand_texts_of_one_template_few_pairs_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """If all texts are alike, one pair of each side for each tested text is enough to find new ones."""
    form = "order {} shipped to the same old harbour by the same old ship"
    tested, learnt = ([form.format(f"{kind}{n}") for n in range(200)] for kind in "tl")
    old, new = Side.of(tested[:100], learnt), Side.of(tested, learnt)
    pairs = near_duplicates(new.test, new.training, (old, new))
    assert len(pairs) == 200
    every = rise(old, new, near_duplicates(new.test, new.training))
    assert rise(old, new, pairs) == every
    assert len(every.pairs) > 0
    monkeypatch.setattr(similarity, "_MOST_WORK", 1000)
    assert near_duplicates(new.test, new.training) == [], (
        "what shares nothing but common words is not looked at, of so many"
    )


def corpus(number: int, kind: str) -> list[str]:
    """Sentences that have nothing in common."""
    return [" ".join(f"{kind}{n}{word}" for word in "abcdefg") for n in range(number)]


def of(base: tuple[list[str], list[str]], candidate: tuple[list[str], list[str]]) -> Rise:
    """The rise between two sides of texts (tested, learnt)."""
    old, new = Side.of(*base), Side.of(*candidate)
    return rise(old, new, near_duplicates({**old.test, **new.test}, {**old.training, **new.training}))


def test_copies_of_test_sentences_in_the_training_data_are_a_rise() -> None:
    """Three copies with a word added are reported as more than chance; as many honest rows are not."""
    tested, learnt = corpus(50, "t"), corpus(300, "l")
    found = of((tested, learnt), (tested, learnt + [f"{text} indeed" for text in tested[:3]]))
    assert found.measurable
    assert set(found.pairs) == {(text, f"{text} indeed") for text in tested[:3]}
    assert not of((tested, learnt), (tested, learnt + corpus(3, "n"))).measurable


def test_new_test_sentences_that_stand_in_the_training_data_are_a_rise() -> None:
    """Copies count whether they are new in the test or in the training data."""
    tested, learnt = corpus(50, "t"), corpus(300, "l")
    assert of((tested, learnt), (tested + [f"{text} indeed" for text in learnt[:5]], learnt)).measurable


def test_what_main_has_anyway_is_no_rise() -> None:
    """Near-duplicates at main's own rate come with honest data; those that main has itself never count."""
    tested = corpus(400, "t")
    learnt = corpus(900, "l") + [f"{text} indeed" for text in tested[:100]]
    more = corpus(90, "n") + [f"{text} indeed" for text in tested[100:110]]
    found = of((tested, learnt), (tested, learnt + more))
    assert (found.on_base, len(found.pairs), found.measurable) == (100, 10, False)
    again = of((tested, learnt), (tested, learnt + [f"{text} again" for text in tested[:100]]))
    assert (len(again.pairs), again.by_chance) == (0, 1.0)
    assert replace(found, pairs=found.pairs * 3).measurable


def test_variants_of_a_sentence_count_once() -> None:
    """Test sentences of the same words are one: a corpus has sets of them, which would fall together."""
    tested = ["Stupid rain and hell!", "STUPID RAIN AND HELL", "stupid rain, and hell", *corpus(40, "t")]
    learnt = corpus(300, "l")
    assert len(of((tested, learnt), (tested, [*learnt, "stupid rain and bloody hell"])).pairs) == 1


def test_one_sentence_that_is_like_many_counts_once() -> None:
    """A short new sentence that resembles five test sentences is one that came, not five that chance must explain."""
    tested = [f"great {thing} player" for thing in "abcde"] + corpus(40, "t")
    found = of((tested, corpus(300, "l")), (tested, [*corpus(300, "l"), "great player"]))
    assert (len(found.pairs), found.measurable) == (1, False)


def test_at_the_gate_copied_test_rows_fail_until_a_person_approves(clone: Clone, runner: ReviewRunner) -> None:
    """Test rows in the training split, with one word added, fail and are named; `data` approves."""
    plain = corpus(10, "unlike")
    edits.edit_table(clone, TEST, lambda table: table.assign(text=[*plain, *table["text"][10:]]))
    edits.run_stage(clone, evaluate)
    relock(clone)
    clone.commit("Ten test sentences unlike all others")
    assert NAME not in runner.gate(clone).failed

    def more(table: pd.DataFrame) -> pd.DataFrame:
        rows = table.head(10)
        ids, groups = (rows[name] + "-x" for name in ("id", "group"))
        return pd.concat([table, rows.assign(id=ids, group=groups, text=[f"{text} indeed" for text in plain])])

    edits.edit_table(clone, TRAIN, more)
    relock(clone)
    outcome = runner.gate(clone)
    assert NAME in outcome.failed, outcome.text
    assert f"{plain[0]} indeed" in outcome.text
    rule = next(rule for rule in runner.judge(clone, ["data"]).rules if rule.name == NAME)
    assert (rule.passed, rule.approved) == (True, True)
