"""DVC is imported before any test: its log keeps the standard error of then, which a test would close at its end."""

import dvc  # noqa: F401
