"""Addresses of the previews of pull requests, and their commits as text for outputs of steps."""

from collections.abc import Mapping

LABEL = "preview"
_FIRST_PORT, _PORTS = 20_000, 10_000


def port_of(number: int) -> int:
    """Return the port of a pull request's preview, which follows from the pull request's number."""
    return _FIRST_PORT + number % _PORTS


def url_of(number: int, template: str) -> str:
    """Return the address of a preview by the administrator's template, such as `https://{port}.preview.example.org`."""
    return template.replace("{port}", str(port_of(number))).replace("{number}", str(number))


def format_commits(commits: Mapping[int, str]) -> str:
    """Return pull requests with their commits as one line: `7@COMMIT 9@COMMIT`."""
    return " ".join(f"{number}@{commit}" for number, commit in sorted(commits.items()))


def parse_commits(line: str) -> dict[int, str]:
    """Read a line of `format_commits`; `ValueError` if it is anything else."""
    pairs = (word.split("@") for word in line.split())
    return {int(number): commit for number, commit in pairs}
