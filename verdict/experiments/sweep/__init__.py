"""Sweeps: the points of a spec file run as DVC experiments, on this machine or spread over several."""
