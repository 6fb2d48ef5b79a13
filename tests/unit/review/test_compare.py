"""The comparison of two tables of predictions: words, families of intervals, counts, and what a test set can show."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from tests.unit.review.predictions import predicted, truth, with_probabilities
from verdict.base.errors import VerdictError
from verdict.classifier.dataset.splits import LABELS
from verdict.classifier.scores import metrics as classifier_metrics
from verdict.classifier.scores.metric_names import HEADLINE, METRICS, OVERALL
from verdict.review import reported_metrics
from verdict.review.compare import BETTER, SAME, UNDEFINED, WORSE, Plan, left_out_counts, level, of_tables

PLAN = Plan(confidence=0.95, resamples=2000, seed=1, bins=10)
DOMAINS = {"movies": 400, "news": 60}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Labelled sentences of two domains."""
    return truth(np.random.default_rng(21), DOMAINS)


def model(table: pd.DataFrame, noise: float, seed: int = 5) -> pd.DataFrame:
    """A model that sees the truth through noise; models of one seed err alike."""
    return predicted(table, np.random.default_rng(seed), noise)


def worse_in_movies(table: pd.DataFrame) -> pd.DataFrame:
    """A good model whose predictions for movies, and only for these, come from a bad one."""
    good, bad = model(table, 0.5), model(table, 3.0)
    inside = (table["domain"] == "movies").to_numpy()
    return with_probabilities(table, np.where(inside[:, None], bad[list(LABELS)], good[list(LABELS)]))


def test_a_loss_in_one_domain_is_called_worse_there_alone(table: pd.DataFrame) -> None:
    """A model that lost in movies is worse overall and in movies, and not in news; exchanged, it is better."""
    comparison = of_tables(model(table, 0.5), worse_in_movies(table), PLAN)
    words = {name: comparison.of(name).verdict for name in (OVERALL, *comparison.domains)}
    assert words == {OVERALL: WORSE, "movies": WORSE, "news": SAME}
    back = of_tables(worse_in_movies(table), model(table, 0.5), PLAN)
    assert {back.of(OVERALL).verdict, back.of("movies").verdict} == {BETTER}


def test_less_is_better_for_losses(table: pd.DataFrame) -> None:
    """A log loss that rises is worse, one that falls is better."""
    comparison = of_tables(model(table, 0.5), model(table, 3.0), PLAN)
    line = comparison.of(OVERALL, "log_loss")
    assert line.difference > 0
    assert line.verdict == WORSE
    assert of_tables(model(table, 3.0), model(table, 0.5), PLAN).of(OVERALL, "log_loss").verdict == BETTER


def test_a_word_follows_from_its_interval_alone(table: pd.DataFrame) -> None:
    """Whatever excludes 0 is better or worse, and nothing else is; the difference is candidate − main."""
    comparison = of_tables(model(table, 0.9), model(table, 1.0), PLAN)
    for line in comparison.differences:
        assert (line.verdict == SAME) == (line.low <= 0 <= line.high), line
        assert line.difference == pytest.approx(line.candidate - line.base)


def test_intervals_of_a_family_hold_together() -> None:
    """The levels of the headline, overall and by domain, multiply to the plan's; so do those of the other metrics."""
    five = (OVERALL, *"abcd")
    assert level(PLAN, (OVERALL, HEADLINE), five) ** 5 == pytest.approx(0.95)
    assert level(PLAN, (OVERALL, HEADLINE), (OVERALL,)) == 0.95
    assert level(PLAN, (OVERALL, "mcc"), five) ** (5 * (len(METRICS) - 1)) == pytest.approx(0.95)


def test_what_the_policy_names_joins_the_headlines_family(table: pd.DataFrame) -> None:
    """A metric that the policy names makes the gate's family larger by one, in the groups that there are, alone."""
    named = frozenset({(OVERALL, "log_loss"), (OVERALL, HEADLINE), ("gone", "ece")})
    comparison = of_tables(model(table, 0.9), model(table, 1.0), replace(PLAN, named=named))
    for line in comparison.differences:
        joined = line.metric == HEADLINE or (line.group, line.metric) == (OVERALL, "log_loss")
        size = 4 if joined else 3 * len(METRICS) - 4
        assert line.confidence**size == pytest.approx(0.95), line


def test_with_weighted_f1_alone_intervals_are_as_without_a_policy(table: pd.DataFrame) -> None:
    """A policy that names weighted F1, which the headline is about anyway, widens nothing."""
    named = replace(PLAN, named=frozenset((group, HEADLINE) for group in (OVERALL, *DOMAINS)))
    pair = (model(table, 0.9), model(table, 1.0))
    assert of_tables(*pair, named).differences == of_tables(*pair, PLAN).differences


def test_one_document_shows_nothing(table: pd.DataFrame) -> None:
    """A domain of one document, however different its predictions, is neither better nor worse, and shows no loss."""
    single = table.assign(document=table["document"].where(table["domain"] != "news", "news-0"))
    for base, candidate in ((0.5, 3.0), (3.0, 0.5)):
        comparison = of_tables(model(single, base), model(single, candidate), PLAN)
        assert {comparison.of("news", metric).verdict for metric in METRICS} == {SAME}
        assert comparison.of("news").low == -1
        news = next(group for group in comparison.groups if group.name == "news")
        assert (news.documents, news.detectable) == (1, None)


def test_a_metric_without_a_value_is_said_to_have_none(table: pd.DataFrame) -> None:
    """One rating, or one class, for all sentences of a domain leaves no correlation, or no MCC; others have a value."""
    inside = table["domain"] == "news"
    flat = table.assign(valence=table["valence"].where(~inside, 1.0))
    of_one = flat.assign(label=table["label"].where(~inside, "positive"))
    for truths, missing in ((table, set()), (flat, {"valence_r"}), (of_one, {"valence_r", "mcc"})):
        comparison = of_tables(model(truths, 0.5), model(truths, 3.0), PLAN)
        undefined = {(line.group, line.metric) for line in comparison.differences if line.verdict == UNDEFINED}
        assert undefined == {("news", metric) for metric in missing}


def test_counts_are_those_of_mcnemar(table: pd.DataFrame) -> None:
    """Fixed and broken are counted by sentence, and the p-value is that of an exact binomial test."""
    base, candidate = model(table, 0.8), model(table, 1.2, seed=6)
    group = of_tables(base, candidate, PLAN).groups[0]
    right = [np.asarray(LABELS)[t[list(LABELS)].to_numpy().argmax(axis=1)] == t["label"] for t in (base, candidate)]
    assert group.fixed == int((right[1] & ~right[0]).sum()) > 0
    assert group.broken == int((right[0] & ~right[1]).sum()) > 0
    expected = scipy.stats.binomtest(group.fixed, group.fixed + group.broken).pvalue
    assert group.p_value == pytest.approx(expected)


def test_the_visible_loss_is_what_nine_of_ten_test_sets_would_show(table: pd.DataFrame) -> None:
    """With normal errors, a loss of the stated size is below the bound of its interval in 90 % of the cases."""
    comparison = of_tables(model(table, 0.8), model(table, 0.9), PLAN)
    group, line = comparison.groups[0], comparison.of(OVERALL)
    quantile = scipy.stats.norm.ppf((1 + line.confidence) / 2)
    error = (line.high - line.low) / (2 * quantile)
    reach = quantile * error
    assert group.detectable is not None
    assert scipy.stats.norm.cdf((group.detectable - reach) / error) == pytest.approx(0.9, abs=0.03)


def test_identical_predictions_are_unchanged(table: pd.DataFrame) -> None:
    """The same probabilities are unchanged; one that differs in the last digit is not."""
    same = of_tables(model(table, 1.0), model(table, 1.0), PLAN)
    assert same.unchanged
    assert all(line.difference == 0 and line.verdict == SAME for line in same.differences)
    values = model(table, 1.0)[list(LABELS)].to_numpy(copy=True)
    values[3, 0] = np.nextafter(values[3, 0], 1)
    other = with_probabilities(table, values)
    assert not of_tables(model(table, 1.0), other, PLAN).unchanged


def test_main_is_not_asked_about_what_it_learnt(table: pd.DataFrame) -> None:
    """Up to a tenth of the sentences may be known to main; with more, even in one domain, there is no judgement."""
    domains = table["domain"]
    known = np.zeros(len(table), dtype=bool)
    known[:10] = True
    assert left_out_counts(domains, known, "main") == {OVERALL: 10, "movies": 10, "news": 0}
    news = np.flatnonzero((domains == "news").to_numpy())
    known[news[: len(news) // 5]] = True
    with pytest.raises(VerdictError, match=r"\(news\)"):
        left_out_counts(domains, known, "main")


def test_figures_are_checked_to_the_digits_of_the_file() -> None:
    """The tolerance between a metrics file and its predictions is below one step of the file's last digit but one."""
    assert 10.0**-classifier_metrics.DIGITS < reported_metrics.TOLERANCE < 10.0 ** (1 - classifier_metrics.DIGITS)


def test_json_holds_no_sentence_and_all_figures(table: pd.DataFrame) -> None:
    """The JSON has every group and difference, and neither text nor ids."""
    document = of_tables(model(table, 0.9), model(table, 1.0), PLAN).as_json()
    assert set(document["groups"]) == {OVERALL, *DOMAINS}
    assert len(document["differences"]) == len(METRICS) * 3
    assert "movies-1" not in str(document)
