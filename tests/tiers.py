"""Tests that need programs of their own: skipped where these are missing, failed where their tier was asked for."""

import importlib.util
import os
import shutil

import pytest


def need(name: str, how: str) -> None:
    """Skip where a program or module is missing, fail where VERDICT_TIER names a tier; `how` says where to get it."""
    if shutil.which(name) is None and importlib.util.find_spec(name) is None:
        (pytest.fail if os.environ.get("VERDICT_TIER") else pytest.skip)(f"{name} is missing: {how}")
