"""Tests of verdict/monitoring/reference/mixture.py, with the reference of two made-up slices."""

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.monitoring.services import window
from tests.unit.monitoring.tables import SLICES, texts
from verdict.monitoring.reference import Reference
from verdict.monitoring.reference.building import answer_counts


@pytest.mark.parametrize("news", [0.0, 0.1, 0.5, 1.0])
def test_a_mixture_is_found(reference: Reference, news: float) -> None:
    """The shares of the slices come out within two points, and nothing else is off."""
    count = round(1000 * news)
    found = reference.fit(window(reference, [*texts("news", count, 7), *texts("songs", 1000 - count, 8)]))
    assert found.mix == pytest.approx([news, 1 - news], abs=0.02)
    for kind, value in (
        ("unknown", found.unknown),
        ("residual", found.residual()),
        ("classes", found.classes()),
        ("confidence", found.confidence()),
    ):
        assert value <= reference.limits.of(kind, found.mix), kind


def test_foreign_words_are_unknown(reference: Reference) -> None:
    """Five in a hundred texts of other words are beyond the limit, and the mixture stays."""
    given = [*texts("news", 500, 7), *texts("songs", 450, 8), *["le chat est sur la table"] * 50]
    found = reference.fit(window(reference, given))
    assert found.unknown == pytest.approx(300 / 6000, abs=0.001)
    assert found.unknown > reference.limits.of("unknown", found.mix)


def test_the_same_words_otherwise_are_a_residual(reference: Reference) -> None:
    """A word of all slices that is used twice as often is no mixture; since a window that had it so it is none."""
    given = [f"{text} the the" for text in [*texts("news", 500, 7), *texts("songs", 500, 8)]]
    found = reference.fit(window(reference, given))
    assert found.residual() > reference.limits.of("residual", found.mix)
    first = reference.fit(window(reference, [f"{text} the the" for name in SLICES for text in texts(name, 900, 9)]))
    assert found.residual(first) < found.residual() / 2


def test_a_large_window_is_not_farther_than_a_small_one(reference: Reference) -> None:
    """Of twenty thousand texts the residual is no larger than of a thousand."""
    small, large = (window(reference, texts("news", size, 7)) for size in (1000, 20_000))
    assert reference.fit(large).residual() < reference.fit(small).residual()


def test_other_answers_are_seen(reference: Reference) -> None:
    """Twenty points more of one label are beyond the limit; since a window that had them they are not."""
    given = texts("news", 1000, 7)
    found, first = (reference.fit(window(reference, given, 0.95)) for _ in range(2))
    assert found.classes() > reference.limits.of("classes", found.mix)
    assert (found.classes(first), found.confidence(first)) == (0, 0)


@pytest.mark.parametrize("moved", [0.2, -0.3])
def test_the_share_of_a_class_is_told_by_how_often_the_model_is_right(reference: Reference, moved: float) -> None:
    """So many points more of texts that are good, as validation answers them: told is as much, or a little less."""
    slices, counted = reference.slice_profiles, window(reference, texts("news", 1000, 7))
    own = slices.answers[0] + moved * slices.classes[reference.labels.index("good")]
    found = reference.fit(replace(counted, answers=(own * 100_000).round().astype(np.int64)))
    bad, good = found.class_shifts()
    assert 0.7 < good / moved < 1
    assert bad == pytest.approx(-good)
    assert found.classes() == pytest.approx(abs(good))


def test_a_class_that_answers_do_not_tell_has_not_moved(reference: Reference) -> None:
    """If all classes are answered alike, or validation has none of one, answers say nothing about its share."""
    given = window(reference, texts("news", 1000, 7), 0.95)
    for classes in ([reference.classes[0]] * 2, [reference.classes[0], np.zeros_like(reference.classes[0]).tolist()]):
        other = Reference.model_validate({**reference.model_dump(), "classes": classes})
        assert other.fit(given).class_shifts().tolist() == [0, 0]


def test_windows_add_up(reference: Reference) -> None:
    """A window and another have the counts of both, and taken away the ones again."""
    one, other = (window(reference, texts(name, 10, 7)) for name in ("news", "songs"))
    both = one + other
    assert both.texts == 20
    assert (both - other).words.tolist() == one.words.tolist()


def test_a_window_without_words_tells_nothing(reference: Reference) -> None:
    """Texts without a word fit no slice better than the other, and are no drift of words."""
    found = reference.fit(window(reference, [""] * 1000))
    assert found.mix == pytest.approx([0.5, 0.5], abs=0.05)
    assert (found.unknown <= 0, found.residual()) == (True, 0)


def test_an_answer_is_counted_by_label_and_tenth() -> None:
    """The label with the highest probability counts, in the tenth of that; certainty is in the last one."""
    found = answer_counts(np.array([[0.25, 0.75], [1.0, 0.0]]))
    assert [tuple(map(int, place)) for place in np.argwhere(found)] == [(0, 1, 7), (1, 0, 9)]
