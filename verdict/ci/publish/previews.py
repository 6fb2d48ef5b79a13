"""What became of previews, told to GitHub: a deployment for each, which the pull request shows with its address."""

from verdict.ci.github.client import GitHub
from verdict.ci.github.output import run_url
from verdict.ci.github.preview import LABEL, url_of

# More than stand at a time, and few enough for a token's 1,000 requests an hour.
_MOST = 30


def record_deployments(github: GitHub, taken: dict[int, str], serving: dict[int, str], template: str) -> None:
    """Record what was tried, and take back what serves no more.

    Args:
        github: the API, with a token that may write deployments.
        taken: the commits that were to be served, by pull request.
        serving: those that are served.
        template: of addresses.
    """
    for number, commit in taken.items():
        served = serving.get(number) == commit
        made = github.post(
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
        _state(github, int(made["id"]), "success" if served else "failure", url_of(number, template) if served else "")
        print(f"preview of #{number}: {url_of(number, template) if served else 'refused, see the jobs take and serve'}")
    live = {(_environment(number), commit) for number, commit in serving.items()}
    for one in github.get("/deployments", task=LABEL, per_page=_MOST):
        if (one["environment"], one["sha"]) in live:
            continue
        last = github.get(f"/deployments/{int(one['id'])}/statuses", per_page=1)
        if last and last[0]["state"] == "success":
            _state(github, int(one["id"]), "inactive")
            print(f"{one['environment']}: ended")


def _state(github: GitHub, deployment: int, state: str, url: str = "") -> None:
    body = {"state": state, "log_url": run_url(), **({"environment_url": url} if url else {})}
    github.post(f"/deployments/{deployment}/statuses", body)


def _environment(number: int) -> str:
    return f"{LABEL}/pr-{number}"
