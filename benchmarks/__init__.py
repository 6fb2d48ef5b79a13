"""Figures, printed by `make bench`; none of them is asserted in a test."""

from verdict.base.numerics import pin

pin()  # before a benchmark imports numpy or torch, as the stages do
