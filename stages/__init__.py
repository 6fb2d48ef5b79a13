"""The DAG: one thin module a stage, run as `python -m stages.<name>` by `dvc repro`."""

import classifier  # noqa: F401 - pins the math libraries before a stage imports one of them
