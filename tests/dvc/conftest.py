"""Import DVC before any test: its log keeps the standard error of the import, which a test would close at its end."""

import dvc  # noqa: F401
