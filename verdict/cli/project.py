"""The project that a command works on."""

from pathlib import Path


def enter_project() -> Path:
    """Set up the environment of git and DVC, and return the root of the project.

    Raises:
        VerdictError: this folder is in no project.
    """
    from verdict.repo.environment import clean_own_environment
    from verdict.repo.project import project_root

    clean_own_environment()
    return project_root()
