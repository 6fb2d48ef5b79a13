"""Releases of the model: plan, build, register and verify one, move it between stages, and list all."""

import argparse
import os
from pathlib import Path
from typing import Any

from verdict.base.errors import VerdictError
from verdict.base.outcome import FAIL, PASS
from verdict.base.printable import plain
from verdict.cli.exits import exit_1_on_error, exit_2_on_error
from verdict.cli.project import enter_project
from verdict.cli.steps import steps

HELP = "releases: plan, build, register, verify, ready, show, stage, record, list"

Options = argparse.Namespace
_CONFIDENCE, _RESAMPLES, _SEED = 0.95, 10_000, 2014


def _github() -> Any:  # noqa: ANN401 - the client, imported only where one is needed
    from verdict.ci.github.client import GitHub

    return GitHub.from_environment()


def _plan(root: Path, _: Options) -> None:
    from verdict.ci.github.output import output
    from verdict.delivery.plan import plan
    from verdict.delivery.publish import release_of

    release = plan(root)
    print(f"{release.version or 'no release'}: {release.why}")
    if release.version is None or "GITHUB_OUTPUT" not in os.environ:
        return
    if not release.registered or release_of(_github(), release.version) is None:
        output("version", release.version)
        output("previous", f"refs/tags/{release.previous}" if release.previous else "")


def _build(root: Path, options: Options) -> None:
    from verdict.ci.github.output import output
    from verdict.delivery.build import build
    from verdict.delivery.plan import plan
    from verdict.delivery.provenance import origin_of

    release = plan(root)
    if release.version is None:
        raise VerdictError("this commit", f"gets no release: {release.why}", "verdict release plan")
    origin = origin_of(_github(), release.commit)
    scores = _scores(root, release.previous)
    built = build(root, release, _repository(options), options.out, **origin, **scores)
    print(built.text())
    name, _, digest = built.image.partition("@")
    output("name", name)
    output("digest", digest)


def _scores(root: Path, previous: str | None) -> dict[str, Any]:
    """The scores on the test split with intervals, and the share of answers that the release changes."""
    import numpy as np

    from verdict.base.files import read_table
    from verdict.base.paths import PREDICTIONS
    from verdict.classifier.scores.predictions import changed_label_share, labels_of
    from verdict.repo.revisions import Store, resolve
    from verdict.review.bootstrap import bootstrap_models, interval_quantiles

    head, scores = resolve(root, "HEAD"), {}
    with Store(root) as store:
        table = read_table(store.file(head, *PREDICTIONS), "dvc repro -f evaluate")
        try:
            old = store.file(resolve(root, f"refs/tags/{previous}"), *PREDICTIONS) if previous else None
        except VerdictError:  # a remote that has forgotten them
            old = None
        differs = changed_label_share(read_table(old, "dvc fetch"), table) if old is not None else 0.0
    for metric in dict.fromkeys((str(head.params["evaluate"]["headline"]), "accuracy")):
        models = bootstrap_models([table], labels_of(table.columns), metric, _RESAMPLES, _SEED)
        low, high = np.quantile(models.draws[0], interval_quantiles(_CONFIDENCE, models.groups))
        scores[metric] = (float(models.points[0]), float(low), float(high))
    return {"scores": scores, "differs": round(differs, 6)}


def _repository(options: Options) -> str:
    name = options.registry or f"ghcr.io/{os.environ.get('GITHUB_REPOSITORY', '')}"
    if name.endswith("/"):
        raise VerdictError("--registry", "not given", "--registry HOST/NAME, or set GITHUB_REPOSITORY")
    return str(name).lower()


def _register(root: Path, options: Options) -> None:
    from verdict.delivery.publish import publish

    print(publish(root, _github(), options.out, _app(root, options)))


def _app(root: Path, options: Options) -> str:
    """The login of the App that releases. It comes from outside the release, which could name any."""
    from verdict.repo.git import run_git

    name = options.app or run_git(root, "config", "--get", "verdict.app").stdout.decode().strip()
    if not name:
        raise VerdictError("--app", "which App releases is not known", "--app NAME, or git config verdict.app NAME")
    return f"{str(name).removesuffix('[bot]')}[bot]"


def _verify(root: Path, options: Options) -> int:
    from verdict.delivery.registry import find_version
    from verdict.delivery.verify import Case, claims, exit_code

    tag, results = find_version(root, options.version), []
    for claim in claims(Case(root, _github(), tag, _app(root, options), _repository(options))):
        results.append(claim)
        mark = {True: "ok", False: "FALSE", None: "CANNOT"}[claim.holds]
        print(f"{mark:<7} {claim.name:<12} {plain(claim.finding, 1000)}")
    print(f"{tag.name}: {('all of it is so', 'is not what it says', 'cannot judge')[exit_code(results)]}")
    return exit_code(results)


def _show(root: Path, options: Options) -> None:
    import json
    from dataclasses import asdict

    from verdict.ci.github.output import output
    from verdict.delivery.registry import find_version
    from verdict.delivery.roll import host_release, write_reference

    tag = find_version(root, options.version)
    print(json.dumps(asdict(host_release(tag.provenance)), indent=2))
    if options.reference:
        output("floor", write_reference(root, tag.name, options.reference))


def _stage(root: Path, options: Options) -> None:
    from verdict.delivery.registry import assign, find_version

    assign(root, find_version(root, options.version), options.to, _app(root, options))


def _ready(root: Path, options: Options) -> int:
    """Check that a release may roll: only after staging, and only if it is not measurably worse than what serves."""
    from verdict.delivery.registry import find_version, stages, versions, was_on

    tag, held = find_version(root, options.version), stages(root)
    if tag.version not in held:
        print(f"{tag.name}: was withdrawn; remedy: another version, see verdict release list")
        return FAIL
    if options.to == "staging":
        print(f"{tag.name}: nothing comes before staging")
        return PASS
    if not was_on(root, tag, "staging"):
        print(f"{tag.name}: was never on staging; remedy: deploy.yml, or verdict deploy, to staging first")
        return FAIL
    served = next((tagged for tagged in versions(root) if options.to in held.get(tagged.version, ())), tag)
    if served == tag or options.force:
        print(f"{tag.name}: not compared: {plain(options.force) or f'no other release is on {options.to}'}")
        return PASS
    return _no_worse(root, tag.name, served.name)


def _no_worse(root: Path, name: str, served: str) -> int:
    from verdict.review.releases import release_rules

    rules = release_rules(root, f"refs/tags/{served}", f"refs/tags/{name}")
    for rule in rules:
        print(f"{'pass' if rule.passed else 'FAIL':<5} {rule.name:<15} {plain(rule.finding, 1000)}")
    lost = not all(rule.passed for rule in rules)
    print(f"{name}: {'measurably worse' if lost else 'not measurably worse'} than {served}, which serves")
    if lost:
        print("remedy: a better release; or with a reason, --force REASON")
    return FAIL if lost else PASS


def _record(root: Path, options: Options) -> None:
    from verdict.ci.github.output import output
    from verdict.delivery.record import read_state, record

    serves = record(root, read_state(options.status, options.to), _app(root, options))
    print(f"{options.to}: {serves or 'nothing'} serves")
    output("serves", serves)


def _ahead(root: Path, options: Options) -> None:
    from verdict.ci.github.output import run_url
    from verdict.delivery.record import read_state, report_ahead

    report_ahead(root, _github(), read_state(options.status, options.to), run_url())


def _list(root: Path, _: Options) -> None:
    from verdict.delivery.registry import listing

    print("\n".join(listing(root)))


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add a parser for each of them."""
    add = steps(parser)
    add("plan", _plan, "what HEAD would be released as")
    build = add("build", _build, "build and push the image of HEAD, and lay the release aside")
    register = add("register", _register, "tag what was laid aside, and show the release at GitHub")
    verify = add("verify", _verify, "is a release what it says? 0 yes, 1 no, 2 cannot judge")
    show = add("show", _show, "a release as a serving host takes it: verdict deploy --release FILE")
    ready = add(
        "ready", _ready, "may it roll? 0 yes; 1 no: not yet on staging, or worse than what serves; 2 cannot judge"
    )
    show.add_argument("--reference", type=Path, metavar="FILE", help="write its reference.json there, too")
    ready.add_argument("--force", default="", metavar="REASON", help="without a comparison with what serves")
    stage = add("stage", _stage, "say by a tag that a release is on a stage")
    record = add("record", _record, "the same of what serves, as the host says")
    ahead = add("ahead", _ahead, "keep one issue while main is ahead of what serves, as the host says")
    for command in (verify, show, stage, ready):
        command.add_argument("version", help="such as v1.2.0")
    for command in (stage, ready, record, ahead):
        command.add_argument("--to", required=True, choices=["staging", "production"])
    for command in (record, ahead):
        command.add_argument("status", type=Path, help="file with what verdict deploy status --json says there")
    add("list", _list, "versions, stages, scores with intervals, history")
    for command in (build, register):
        command.add_argument("--out", type=Path, default=Path("release"), metavar="FOLDER")
    for command in (build, verify):
        where = "where images are (default: $RELEASE_REGISTRY, else ghcr.io/OWNER/REPOSITORY)"
        command.add_argument("--registry", default=os.environ.get("RELEASE_REGISTRY"), help=where)
    for command in (register, verify, stage, record):
        who = "name of the App that releases (default: $RELEASE_APP, else git config verdict.app)"
        command.add_argument("--app", default=os.environ.get("RELEASE_APP"), help=who)


def run(options: Options) -> int:
    """Run the step; 0, or 1 with a message. `verify` and `ready` have their own codes, and 2 for errors."""

    def step() -> int:
        return int(options.step(enter_project(), options) or 0)

    return (exit_2_on_error if options.step in (_verify, _ready) else exit_1_on_error)(step)()
