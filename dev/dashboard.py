"""Grafana's dashboard as code: `python -m dev.dashboard` writes deploy/monitoring/dashboard.json."""

import json
from pathlib import Path

FILE = Path(__file__).parents[1] / "deploy/monitoring/dashboard.json"
_ROUTES = 'route=~"/predict|.+/infer"'
_USERS = 'haproxy_frontend_http_responses_total{proxy="users"'
_ANSWERS = "sum(rate(verdict_answers_total[15m]))"
# Title, unit, and queries with the names of their lines.
PANELS: list[tuple[str, str, dict[str, str]]] = [
    (
        "Requests a second, by status",
        "reqps",
        {f"sum by (status) (rate(verdict_requests_total{{{_ROUTES}}}[5m]))": "{{status}}"},
    ),
    (
        "Users without an answer",
        "percentunit",
        {f'sum(rate({_USERS},code="5xx"}}[5m])) / sum(rate({_USERS}}}[5m]))': "5xx of the proxy"},
    ),
    ("Refused and failed, by kind", "reqps", {"sum by (kind) (rate(verdict_failures_total[5m]))": "{{kind}}"}),
    (
        "Time of an answer",
        "s",
        {
            f"histogram_quantile({share}, sum by (le) (rate(verdict_request_seconds_bucket{{{_ROUTES}}}[5m])))": name
            for share, name in (("0.5", "half"), ("0.99", "99 of 100"))
        },
    ),
    ("Releases: texts a second", "reqps", {"sum by (release) (rate(verdict_texts_total[5m]))": "{{release}}"}),
    ("Releases: servers", "none", {"count by (version, commit) (verdict_build_info)": "{{version}} of {{commit}}"}),
    (
        "Labels, by share",
        "percentunit",
        {f"sum by (label) (rate(verdict_answers_total[15m])) / on () group_left {_ANSWERS}": "{{label}}"},
    ),
    (
        "Confidence, by share",
        "percentunit",
        {f"sum by (confidence) (rate(verdict_answers_total[15m])) / on () group_left {_ANSWERS}": "{{confidence}} up"},
    ),
    (
        "Drift and its limits",
        "none",
        {
            "max by (release, kind) (verdict_drift)": "{{kind}} of {{release}}",
            "max by (release, kind) (verdict_drift_limit)": "limit of {{kind}}, {{release}}",
        },
    ),
    (
        "Windows beyond the limit, in a row",
        "none",
        {"max by (release, kind) (verdict_drift_in_a_row)": "{{kind}} of {{release}}"},
    ),
    ("Mix of slices", "percentunit", {"max by (release, slice) (verdict_drift_mix)": "{{slice}}, {{release}}"}),
    (
        "Score expected under the mix",
        "percentunit",
        {
            "max by (release) (verdict_expected_score)": "expected, {{release}}",
            "max by (release, metric) (verdict_promised)": "promised {{metric}}, {{release}}",
        },
    ),
    (
        "Live accuracy, by labels that came back",
        "percentunit",
        {
            "max by (release) (verdict_live_accuracy)": "{{release}}",
            "max by (release) (verdict_live_accuracy_low)": "lower end, {{release}}",
            "max by (release) (verdict_live_accuracy_high)": "upper end, {{release}}",
        },
    ),
    (
        "Labels that came back",
        "none",
        {
            "sum by (release) (increase(verdict_feedback_total[1h]))": "counted, {{release}}",
            "sum by (reason) (increase(verdict_feedback_refused_total[1h]))": "refused: {{reason}}",
        },
    ),
    (
        "Relay",
        "none",
        {
            "verdict_relay_waiting": "waiting",
            "sum(increase(verdict_relay_delivered_total[1h]))": "dispatched in an hour",
            "sum by (reason) (increase(verdict_relay_ignored_total[1h]))": "ignored: {{reason}}",
        },
    ),
    ("Alerts", "none", {'sum by (alertname) (ALERTS{alertstate="firing"})': "{{alertname}}"}),
]


def dashboard() -> dict[str, object]:
    """The whole dashboard, two panels a row."""
    source = {"type": "prometheus", "uid": "${source}"}
    panels = [
        {
            "id": number + 1,
            "type": "timeseries",
            "title": title,
            "datasource": source,
            "gridPos": {"x": 12 * (number % 2), "y": 8 * (number // 2), "w": 12, "h": 8},
            "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
            "targets": [
                {"refId": chr(65 + place), "expr": query, "legendFormat": legend}
                for place, (query, legend) in enumerate(queries.items())
            ],
        }
        for number, (title, unit, queries) in enumerate(PANELS)
    ]
    chosen = {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    return {
        **{"uid": "verdict", "title": "Verdict", "schemaVersion": 38, "timezone": "browser", "refresh": "30s"},
        **{"time": {"from": "now-6h", "to": "now"}, "templating": {"list": [chosen]}, "panels": panels},
    }


def text() -> str:
    """The content of the file."""
    return json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
