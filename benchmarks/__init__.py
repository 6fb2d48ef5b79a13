"""Benchmarks, printed by `make bench`; no test asserts their figures."""

from verdict.base.numerics import pin

pin()  # before a benchmark imports numpy or torch, as the stages do
