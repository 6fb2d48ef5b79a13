"""Sweeps: a spec file becomes DVC experiments with telling names, run on this machine or spread over several."""
