"""The DAG: one thin module a stage, run as `python -I -m stages.<name>` by `dvc repro`."""

from verdict.base.numerics import pin, refuse_accelerators

pin()  # before a stage imports numpy or torch: they read these settings once, when they load
refuse_accelerators()
