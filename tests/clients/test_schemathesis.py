"""Tests of the OpenAPI document by schemathesis: what it allows is answered, what it forbids is refused."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.service_process import ServiceProcess

CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = {"service": 250, "of_mails": 60}
# Of both together.
LEAST = 2_000


@pytest.mark.usefixtures("folder")
def test_no_request_that_schemathesis_makes_fails(service: ServiceProcess, of_mails: ServiceProcess) -> None:
    """More than 2,000 requests, good and bad, for an artifact of one column and one of two: 0 failures."""
    cases = 0
    for running, examples in ((service, EXAMPLES["service"]), (of_mails, EXAMPLES["of_mails"])):
        command: list[str | Path] = [
            Path(sys.executable).with_name("schemathesis"),
            "--config-file",
            CONFIG,
            "run",
            "--no-color",
        ]
        options = ["--max-examples", str(examples), f"{running.url}/openapi.json"]
        environment = {**os.environ, "PYTHONPATH": ""}
        done = subprocess.run(
            [*command, *options], capture_output=True, text=True, check=False, timeout=1_200, env=environment
        )
        assert done.returncode == 0, done.stdout[-5_000:]
        found = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
        assert found is not None, done.stdout[-5_000:]
        assert found[1] == found[2]
        cases += int(found[1])
        assert running.process.poll() is None
    assert cases >= LEAST
