"""A run of experiment.yml that somebody starts by hand, with other values than params.yaml has."""

from tests.workflows import act, events
from tests.workflows.proposals import REPRODUCED, documentation, top
from tests.workflows.site import Site


def test_a_run_by_hand_takes_other_values_and_shows_its_report(site: Site) -> None:
    """The stages that read the value run, from main's results; the report stands in the summary, nothing is judged."""
    site.propose(documentation)
    event = events.workflow_dispatch(site.github, {"params": "train.seed=7"}, branch="change")
    ran = act.run(site.origin, "experiment.yml", event, github=site.github, env=site.env)
    assert top(ran.jobs) == REPRODUCED, ran.log
    log = ran.logs["gpu / reproduce"]
    assert "Running stage 'train'" in log
    assert "Running stage 'featurize'" not in log
    assert "no measurable difference" in ran.summaries["gpu / reproduce"]
    assert "<img" not in ran.summaries["gpu / reproduce"]
    assert site.checks() == []


def test_a_value_that_cannot_be_used_stops_it_before_any_work(site: Site) -> None:
    """An attempt to reach the shell is a key that params.yaml does not have: it ends so, and nothing runs."""
    site.propose(documentation)
    params = "$(touch reached) train.seed=`touch reached`; touch reached"
    event = events.workflow_dispatch(site.github, {"params": params}, branch="change")
    ran = act.run(site.origin, "experiment.yml", event, github=site.github, env=site.env)
    assert ran.jobs["gpu"] == "failure"
    assert "not a key of params.yaml" in ran.logs["gpu / reproduce"]
    assert "Running stage" not in ran.log
    assert not list(site.origin.root.rglob("reached"))
