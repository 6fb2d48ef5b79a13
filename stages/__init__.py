"""The DAG: one thin module a stage, run as `python -I -m stages.<name>` by `dvc repro`."""

from classifier.numerics import refuse_accelerators  # classifier pins the math libraries before a stage imports one

refuse_accelerators()
