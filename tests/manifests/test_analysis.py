"""The queries of a canary's analyses, answered by Prometheus itself over made-up minutes."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.manifests.rendered import documents
from tests.tiers import need


def query(template: str, metric: str) -> str:
    """A query with the values of its args in it."""
    spec = next(body for body in documents("overlays/canary") if body["metadata"]["name"] == template)["spec"]
    (found,) = [item["provider"]["prometheus"]["query"] for item in spec["metrics"] if item["name"] == metric]
    values = {arg["name"]: arg.get("value", arg["name"]) for arg in spec["args"]}
    return re.sub(r"\{\{args\.(\w+)\}\}", lambda name: str(values[name[1]]), found)


def series(pods: str, status: int, total: int) -> dict[str, str]:
    """So many requests for the last half hour."""
    name = f'verdict_requests_total{{rollouts_pod_template_hash="{pods}",route="/predict",status="{status}"}}'
    return {"series": name, "values": f"{total}+0x60"}


def times(pods: str, slow: float) -> list[dict[str, str]]:
    """A hundred answers in each half minute, this share of them between 10 and 50 ms and the others within 10."""
    labels = f'rollouts_pod_template_hash="{pods}",route="/predict"'
    steps = {"0.005": 0.0, "0.01": 100 * (1 - slow), "0.05": 100.0, "+Inf": 100.0}
    name = "verdict_request_seconds_bucket"
    return [{"series": f'{name}{{{labels},le="{le}"}}', "values": f"0+{count}x60"} for le, count in steps.items()]


def holds(folder: Path, expression: str, given: list[dict[str, str]], expected: bool | None) -> bool:
    """Return whether Prometheus finds the expression true or false; None without an answer."""
    need("promtool", "apt-get install prometheus")
    samples: list[dict[str, Any]] = [] if expected is None else [{"value": int(expected), "labels": "{}"}]
    case = {"expr": expression, "eval_time": "30m", "exp_samples": samples}
    test = {"interval": "30s", "input_series": given, "promql_expr_test": [case]}
    file = folder / "test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [], "tests": [test]}), encoding="utf-8")
    return not subprocess.run(["promtool", "test", "rules", str(file)], capture_output=True, check=False).returncode


@pytest.mark.parametrize(
    ("good", "bad", "expected"),
    [
        (0, 5, True),
        (0, 4, None),
        (960, 40, True),
        (4950, 50, False),
        (4900, 100, True),
        (200, 0, None),
    ],
)
def test_a_canary_that_fails_too_often_is_seen(tmp_path: Path, good: int, bad: int, expected: bool | None) -> None:
    """Five failures and measurably more than one in a hundred end a release; fewer, or as many as allowed, do not."""
    failed = [series("canary", 500, bad)] if bad else []
    given = [series("canary", 200, good), *failed, series("stable", 500, 1_000_000)]
    assert holds(tmp_path, f"({query('verdict-failures', 'failures')}) > bool 2.33", given, expected)


def test_a_pod_that_ends_does_not_fail(tmp_path: Path) -> None:
    """The readiness answers of a draining pod end no release."""
    given = [series("canary", 200, 200), series("canary", 503, 200)]
    assert holds(tmp_path, f"({query('verdict-failures', 'failures')}) > bool 2.33", given, None)


@pytest.mark.parametrize(("requests", "expected"), [(1000, True), (998, False), (0, False)])
def test_a_weight_needs_requests_of_its_own(tmp_path: Path, requests: int, expected: bool) -> None:
    """A thousand requests are evidence; those of stable pods do not count."""
    given = [series("canary", 200, requests), series("stable", 200, 1_000_000)]
    assert holds(tmp_path, f"({query('verdict-evidence', 'requests')}) >= bool 0", given, expected)


@pytest.mark.parametrize(("slow", "expected"), [(0.0, False), (0.005, False), (0.2, True)])
def test_a_slower_canary_is_seen(tmp_path: Path, slow: float, expected: bool) -> None:
    """A p99 above one and a half times that of the stable pods and ten milliseconds is too slow."""
    given = [*times("canary", slow), *times("stable", 0.0)]
    assert holds(tmp_path, f"({query('verdict-evidence', 'p99')}) > bool 0", given, expected)


def test_nobody_asked_is_no_answer(tmp_path: Path) -> None:
    """Without a request there is no p99, which is neither a success nor a failure."""
    assert holds(tmp_path, query("verdict-evidence", "p99"), times("stable", 0.0), None)
