"""Where the preview of a pull request is, and which pull requests have one."""

from collections.abc import Mapping

LABEL = "preview"
_FIRST, _SPAN = 20_000, 10_000


def port_of(number: int) -> int:
    """The port of a pull request's preview: by its number, so that whoever knows the one knows the other."""
    return _FIRST + number % _SPAN


def url_of(number: int, template: str) -> str:
    """The address of a preview, by what the administrator says, such as `https://{port}.preview.example.org`."""
    return template.replace("{port}", str(port_of(number))).replace("{number}", str(number))


def format_commits(commits: Mapping[int, str]) -> str:
    """Pull requests with their commits as one line, for outputs of steps: `7@COMMIT 9@COMMIT`."""
    return " ".join(f"{number}@{commit}" for number, commit in sorted(commits.items()))


def parse_commits(line: str) -> dict[int, str]:
    """What `format_commits` wrote; `ValueError` where it is anything else."""
    pairs = (word.split("@") for word in line.split())
    return {int(number): commit for number, commit in pairs}
