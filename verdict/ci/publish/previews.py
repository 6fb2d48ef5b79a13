"""Records previews at GitHub as deployments, which pull requests show with their address."""

from typing import Any

from verdict.ci.github.client import GitHub
from verdict.ci.github.output import run_url
from verdict.ci.github.preview import LABEL, url_of

# More than there are at a time, and few enough for a token's 1,000 requests an hour.
_MOST = 30


def record_deployments(github: GitHub, taken: dict[int, str], serving: dict[int, str], template: str) -> None:
    """Record new previews, and mark ended ones as inactive.

    Args:
        github: the API, with a token that may write deployments.
        taken: the commits that were to be served, by pull request.
        serving: the commits that are served.
        template: the template of addresses.
    """
    for number, commit in taken.items():
        served = serving.get(number) == commit
        url = url_of(number, template) if served else ""
        deployment = github.post(
            "/deployments",
            {
                "ref": commit,
                "task": LABEL,
                "environment": _environment(number),
                "transient_environment": True,
                "production_environment": False,
                "auto_merge": False,
                "required_contexts": [],
                "description": "The judged model, served by the code of main",
            },
        )
        _set_state(github, deployment, "success" if served else "failure", url)
        print(f"preview of #{number}: {url or 'refused, see the jobs take and serve'}")
    live = {(_environment(number), commit) for number, commit in serving.items()}
    for deployment in github.get("/deployments", task=LABEL, per_page=_MOST):
        if (deployment["environment"], deployment["sha"]) in live:
            continue
        statuses = github.get(f"/deployments/{int(deployment['id'])}/statuses", per_page=1)
        if statuses and statuses[0]["state"] == "success":
            _set_state(github, deployment, "inactive")
            print(f"{deployment['environment']}: ended")


def _set_state(github: GitHub, deployment: dict[str, Any], state: str, url: str = "") -> None:
    body = {"state": state, "log_url": run_url(), **({"environment_url": url} if url else {})}
    github.post(f"/deployments/{int(deployment['id'])}/statuses", body)


def _environment(number: int) -> str:
    return f"{LABEL}/pr-{number}"
