"""The DAG: one thin module a stage, run as `python -I -m stages.<name>` by `dvc repro`."""

from verdict.base.numerics import refuse_accelerators  # classifier pins the math libraries before a stage imports one

refuse_accelerators()
