"""The way of a release in one piece: merged, built, registered, verified, on staging, before users step by step; back.

`make release` prints it as it goes: registry, images, containers, haproxy and guard are real, GitHub is the tests' own.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.roll import roll_back, under_load
from benchmarks.serving import wrk_script
from tests.progress import Progress
from tests.release.conftest import HostOfContainers, host
from tests.tiers import need
from tests.workflows.release_fixture import TOKEN, Releases, green
from verdict.base.files import read_table

_SERVICE = "verdict/serving/service.py"
_HEALTHY = "        if len(inputs) > MOST_TEXTS:"
# From the 400th request on: the smoke test asks less often.
_BROKEN = "        self.asked = getattr(self, 'asked', 0) + 1\n        assert self.asked < 400\n" + _HEALTHY


@pytest.fixture(scope="module")
def hosts(here: Path, registry: str) -> Iterator[tuple[HostOfContainers, HostOfContainers]]:
    """Staging and production."""
    need("wrk", "apt-get install wrk")
    with (
        host(here / "staging", "staging", registry) as staging,
        host(here / "production", "production", registry) as production,
    ):
        yield staging, production


def merged(releases: Releases, edit: Callable[[Path], object]) -> None:
    """A change is on main, and main.yml has reproduced it."""
    edit(releases.clone.path)
    releases.clone.run("python", "-I", "-m", "verdict", "repro")
    releases.clone.run("dvc", "push", "--quiet")
    green(releases.project, releases.commit())


def registered(releases: Releases, progress: Progress) -> str:
    """Build, register and verify what main would be released as; its version."""
    version = releases.release("plan").partition(":")[0]
    releases.release("build")
    progress(f"{version}: image built and pushed, SBOM written")
    releases.release("register", GITHUB_TOKEN=TOKEN)
    code, false = releases.verify(version)
    assert (code, false) == (0, {})
    progress(f"{version}: registered; verify: all of it is so")
    return version


def rolled(releases: Releases, on: HostOfContainers, to: str, version: str) -> int:
    """`verdict deploy` there, and the tag of what serves then; the exit code."""
    file = on.harness.folder / f"{version}.json"
    file.write_text(releases.release("show", version))
    code = on.run("deploy", version, "--to", to, "--release", str(file)).returncode
    status = on.harness.folder / "status.json"
    status.write_text(on.run("deploy", "status", "--json").stdout)
    releases.release("record", str(status), "--to", to, GITHUB_TOKEN=TOKEN)
    return code


def test_a_release_goes_to_users_and_comes_back(
    releases: Releases, hosts: tuple[HostOfContainers, HostOfContainers], progress: Progress, tmp_path: Path
) -> None:
    """Good ones reach all users, one that breaks under them none; the way back by hand takes seconds."""
    staging, production = hosts
    texts = read_table(releases.clone.path / "data/prepared/test.parquet", "dvc repro prepare")["text"].tolist()
    lua = wrk_script(tmp_path, texts)

    def other_model(root: Path) -> None:
        params = (root / "params.yaml").read_text(encoding="utf-8")
        assert "seed: 2014" in params
        (root / "params.yaml").write_text(params.replace("seed: 2014", "seed: 7", 1), encoding="utf-8")

    def broken(root: Path) -> None:
        text = (root / _SERVICE).read_text(encoding="utf-8")
        assert _HEALTHY in text
        (root / _SERVICE).write_text(text.replace(_HEALTHY, _BROKEN), encoding="utf-8")

    green(releases.project, releases.project.origin.sha("main"))
    first = registered(releases, progress)
    assert "was never on staging" in releases.try_release("ready", first, "--to", "production").stdout
    assert rolled(releases, staging, "staging", first) == 0
    releases.release("ready", first, "--to", "production")
    assert rolled(releases, production, "production", first) == 0
    progress(f"{first}: on staging, then on production, as the first")

    merged(releases, other_model)
    second = registered(releases, progress)
    assert rolled(releases, staging, "staging", second) == 0
    releases.release("ready", second, "--to", "production", "--force", "a table this small measures nothing")
    with under_load(production.harness.port, lua) as seen:
        assert rolled(releases, production, "production", second) == 0
    progress(f"{second}: canary at 5, 25, 50 %, promoted; {seen[0].requests:,} requests, {seen[0].errors} failed")
    assert seen[0].errors == 0

    merged(releases, broken)
    third = registered(releases, progress)
    assert rolled(releases, staging, "staging", third) == 0
    with under_load(production.harness.port, lua) as seen:
        assert rolled(releases, production, "production", third) == 1
    progress(f"{third}: planted; {production.state.reason}; {seen[0].requests:,} requests, {seen[0].errors} failed")
    assert seen[0].errors == 0
    assert production.state.outcome == "rolled back"

    with under_load(production.harness.port, lua) as seen:
        alone, code, seconds = roll_back(production.file, production.env)
    assert code == 0
    progress(f"{first}: has all requests {alone:.1f} s after `verdict rollback`, and all servers after {seconds:.1f} s")
    assert seen[0].errors == 0
    serves = json.loads(production.run("deploy", "status", "--json").stdout)
    assert serves["state"]["stable"]["version"] == first
