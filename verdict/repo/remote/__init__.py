"""Check that the DVC remote holds all files that this revision needs, undamaged; push those that it lacks.

DVC cannot: `dvc push` and `dvc status -c` overlook a missing member of a directory. `dvc push --run-cache` does not
send the objects of `cache: false` outputs, and exits with 0 if it could write nothing. More in docs/remote.md.
"""

from verdict.repo.remote.needs import Problem
from verdict.repo.remote.settings import has_shared_remote
from verdict.repo.remote.state import check, push

__all__ = ["Problem", "check", "has_shared_remote", "push"]
