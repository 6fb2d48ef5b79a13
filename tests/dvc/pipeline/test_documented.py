"""Every documented command is run here, or listed with the reason why not."""

import csv
import re
from collections.abc import Callable

import pytest

from tests.conftest import ROOT
from tests.documented_commands import commands, documents_by_command
from tests.dvc.pipeline.clone import Clone

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pipeline")]

SHOW = "dvc exp show --only-changed --drop '.*:slices'"
SHOW_ONE = "dvc exp show --only-changed --drop 'metrics.*' --keep '.*validation.json:overall.weighted_f1'"
# It stands within a sentence of README.md.
BACK = "git checkout params.yaml dvc.lock metrics plots && dvc checkout"
# Of an experiment `bag` in the working tree: the command, and what it must print.
LOOKS = {
    "verdict params": r"^$",
    "verdict scores": r"weighted_f1(.|\n)*overall ",
    'echo "I did not expect to like it, but I did." | verdict predict': r'"label": "positive"',
    "verdict predict --model models/classifier < lines.txt": (r'"text": "one", .*\n.*"text": "two", .*\n$'),
    "verdict lock": r"dvc.lock is consistent with this tree",
    "verdict compare": r"overall",
    "verdict sweep points sweeps/linear.yaml": r"linear-\S+",
    "dvc metrics diff && dvc params diff": r"overall\.weighted_f1(.|\n)*train\.model",
    "dvc plots diff HEAD": r"dvc_plots/index\.html",
    "verdict leaderboard": r"\n1  bag +0\.\d{4}",
    "verdict leaderboard --all": r"\n1  bag +0\.\d{4}",
    "verdict leaderboard NAME NAME": r"\n1  bag +0\.\d{4}",
    "verdict leaderboard --chosen NAME": r"\n1  bag +0\.\d{4}",
    "verdict leaderboard --spec sweeps/linear.yaml": r"- absent: linear-",
    "make leaderboard BOARD='--spec sweeps/linear.yaml'": r"- absent: linear-",
}


def value(name: str, expected: object) -> Callable[[Clone], bool]:
    """Return whether a param of the working tree has a value."""

    def holds(clone: Clone) -> bool:
        found = clone.params()
        for part in name.split("."):
            found = found[part]
        return bool(found == expected)

    return holds


def config(line: str) -> Callable[[Clone], bool]:
    """Return whether DVC's settings have a line."""
    return lambda clone: line in (clone.path / ".dvc/config").read_text(encoding="utf-8")


def experiments(*names: str) -> Callable[[Clone], bool]:
    """Return whether these are the experiments."""
    return lambda clone: set(clone.run("dvc", "exp", "list", "--name-only").split()) == set(names)


def queued(count: int) -> Callable[[Clone], bool]:
    """Return whether so many experiments wait in DVC's queue."""
    return lambda clone: clone.run("dvc", "queue", "status").count("Queued") == count


# In this order, in one clone with the experiment `bag`: the command, its exit code, and what must be so after it.
CHANGES: list[tuple[str, int, Callable[[Clone], bool]]] = [
    ("verdict remote", 1, lambda clone: not any(clone.path.glob(".remote/files/md5/*/*"))),
    ("verdict remote --push", 0, lambda clone: any(clone.path.glob(".remote/files/md5/*/*"))),
    ("verdict remote", 0, lambda _: True),
    ("verdict remote --verify", 0, lambda _: True),
    ("verdict remote --verify --push", 0, lambda _: True),
    ("dvc commit -f train", 0, lambda clone: clone.changes() == ""),
    ("dvc exp apply NAME", 0, value("train.model", "bag")),
    (BACK, 0, value("train.model", "linear")),
    ("dvc exp branch NAME try-alpha", 0, lambda clone: "try-alpha" in clone.run("git", "branch")),
    ("dvc exp remove NAME", 0, experiments()),
    ("dvc exp run -S train.rating_noise=0.5", 0, value("train.rating_noise", 0.5)),
    ("verdict gate", 0, lambda _: True),
    (BACK, 0, value("train.rating_noise", 0.6)),
    (
        "dvc exp run --queue -S 'train.linear.alpha=1e-5,2.5e-5'",
        0,
        lambda c: c.run("dvc", "queue", "status").count("Q") > 1,
    ),
    ("dvc remote add --default storage s3://bucket/prefix", 0, config("remote = storage")),
    ("dvc remote modify storage verify true", 0, config("verify = true")),
    ("dvc remote modify storage endpointurl https://host", 0, config("endpointurl = https://host")),
    ("dvc remote modify storage region region", 0, config("region = region")),
    ("dvc remote add sweeps s3://bucket/sweeps", 0, config("url = s3://bucket/sweeps")),
]
# What other tests run, by their file.
ELSEWHERE = {
    "tests/dvc/pipeline/test_commands.py": {"make repro", "make test", "make lint", "make unit", "make format"},
    "tests/dvc/review/test_fresh_clone.py": {"verdict repro"},
    "tests/dvc/review/test_hook.py": {". .venv/bin/activate", "exec verdict gate"},
    "tests/dvc/pipeline/conftest.py": {"dvc exp run -S train.model=bag"},
    "tests/unit/classifier/test_engine.py": {
        "dask scheduler --port 8786",
        "dask worker tcp://HOST:8786 --nworkers 4 --nthreads 1",
        "VERDICT_ENGINE=tcp://HOST:8786 verdict repro",
    },
    "tests/dvc/data/test_add.py": {
        "verdict data get",
        'verdict data add rows.csv --origin "letters of October"',
        "git add data dvc.lock metrics plots && git commit -m 'Rows of October' && dvc push",
    },
    "tests/dvc/data/test_init.py": {"verdict init my.csv --text message --label topic"},
    "tests/dvc/data/test_own_data.py": {
        "verdict init .venv/tables/reviews.jsonl --text text --label label --slice source --positive good",
        "verdict test-set",
        "git add . && git commit -m 'Own data'",
        "verdict gate --bootstrap",
        "dvc exp run -S 'featurize.word.ngrams=[1,1]' -S featurize.char.min_df=30",
    },
    "tests/dvc/classifier/test_doctor.py": {
        "verdict doctor",
        "verdict doctor --device cuda",
    },
    "tests/dvc/review/test_report_whole.py": {"verdict report"},
    "tests/dvc/review/test_leaderboard_whole.py": {
        "dvc exp run --name steep -S train.linear.alpha=3e-5",
        "dvc exp run -S train.seed=7 -n another-seed",
        "dvc exp run --run-all --jobs 2",
    },
    "tests/dvc/remote/test_push.py": {"make remote URL=s3://bucket/prefix"},
    "tests/dvc/sweep/test_run.py": {"make sweep SPEC=sweeps/linear.yaml JOBS=2"},
    "tests/dvc/sweep/test_exchange.py": {
        "verdict sweep push sweeps/linear.yaml",
        "verdict sweep pull sweeps/linear.yaml",
    },
    "tests/dvc/stages/test_train_encoder.py": {"dvc exp run -S train.model=encoder -S train.processes=2"},
    "tests/manifests/test_manifests.py": {
        "sed -i 's|newName: .*|newName: ghcr.io/OWNER/NAME|; s|digest: .*|digest: sha256:DIGEST|'"
        " deploy/kubernetes/overlays/production/kustomization.yaml",
    },
    "tests/workflows/test_cost.py": {
        "GITHUB_REPOSITORY=owner/name GITHUB_TOKEN=$(gh auth token) verdict cost",
        "verdict cost --check",
        "verdict cost --forecast --runs-per-day 8 --data-gb 0.05 --retention-days 14 --deploys-per-month 4",
    },
    "tests/dvc/remote/test_lifecycle.py": {
        "aws s3api put-bucket-lifecycle-configuration --bucket BUCKET"
        " --lifecycle-configuration file://deploy/storage/lifecycle.json",
    },
    "tests/dvc/test_github_guide.py": {"for name in reproduce fork; do"},
    "tests/workflows/test_release.py": {
        "verdict release plan",
        "app=$(gh api apps/NAME-OF-THE-APP --jq .id)",
    },
    "tests/workflows/test_release_verify.py": {
        "verdict release verify v1.2.0",
        "git config verdict.app NAME-OF-THE-APP",
    },
    "tests/workflows/test_release_register.py": {"verdict release list"},
    "tests/dvc/review/test_ready.py": {"verdict release ready v1.2.0 --to production"},
    "tests/workflows/test_deploy.py": {
        "gh workflow run deploy.yml -f environment=production",
        "gh workflow run deploy.yml -f environment=production -f version=v1.2.0",
        'gh workflow run deploy.yml -f environment=production -f back=true -f force="wrong labels for refunds"',
    },
    "tests/unit/monitoring/test_live.py": {"verdict live"},
    "tests/dvc/monitoring/test_drift.py": {
        "verdict drift",
        "verdict drift --texts new.csv --html drift.html",
        "verdict drift --watch --from http://127.0.0.1:9011/metrics --from http://127.0.0.1:9012/metrics",
    },
    "tests/unit/monitoring/test_sources.py": {
        "verdict drift --prometheus http://127.0.0.1:9090 --since 6h",
        "curl -o /tmp/reference.json http://127.0.0.1:9011/reference.json",
        "verdict drift --prometheus http://127.0.0.1:9090 --since 1h --reference /tmp/reference.json",
    },
    "tests/mlflow/test_mirror.py": {"verdict mlflow --to http://127.0.0.1:5000"},
}
NOT_RUN = {
    "downloads an environment, or is what runs this test": {
        "make repro TORCH_INDEX=https://download.pytorch.org/whl/cpu",
        "python3 -m venv .venv && . .venv/bin/activate",
        "make tables",
        "python -I tests/tables.py",
        "pip install -r requirements.txt",
        "pip install --no-deps ./install",
        "pip install -r requirements-dev.txt",
        "ruff check . && ruff format --check . && lint-imports && mypy",
        "pytest -n auto --dist worksteal",
    },
    "downloads Dask": {"make engine"},
    "downloads the encoder's weights, and trains for an hour, or on a GPU, or on two machines": {
        "make encoder",
        "make encoder && dvc exp run -S train.model=encoder",
        "dvc exp run -S train.model=encoder",
        "dvc exp run -S train.model=encoder -S train.device=cuda",
        "export VERDICT_CHECKPOINTS=/shared/checkpoints",
        "torchrun --nnodes 2 --nproc-per-node 4 --rdzv-backend c10d --rdzv-endpoint HOST:29400"
        " --no-python python -I -m stages.train",
    },
    "answers until it is stopped, or asks what answers: tests/dvc/serving": {
        "make serve",
        'curl -d \'{"text": "The soup was cold."}\' http://127.0.0.1:8000/predict',
    },
    "counts until it is stopped: tests/dvc/monitoring": {
        "verdict serve --receipt-key receipts.key",
        "verdict feedback --receipt-key receipts.key",
        'curl -d \'{"receipt": "djEu…", "label": "positive"}\' http://127.0.0.1:8002/feedback',
    },
    "needs a bucket's keys, or an origin": {
        "export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…",
        "aws s3 cp rows.csv s3://BUCKET/retrain/rows/2026-11-26-rows.csv",
        "git add .dvc/config && git commit -m 'Remote on S3' && git push",
    },
    "asks GitHub": {
        "export GITHUB_REPOSITORY=owner/repository GITHUB_TOKEN=$(gh auth token)",
        "gh attestation verify oci://ghcr.io/OWNER/REPOSITORY@sha256:… --repo OWNER/REPOSITORY \\",
    },
    "changes settings at GitHub": {
        "gh api --method PUT 'repos/{owner}/{repo}/actions/permissions' -F enabled=true -f allowed_actions=selected"
        " -F sha_pinning_required=true",
        "gh label create reproduce --force --color 1D76DB"
        " --description 'Run the stages, commit dvc.lock to this branch'",
        "gh api 'repos/{owner}/{repo}/actions/oidc/customization/sub' --jq .sub_claim_prefix",
        "for ref in $(git ls-remote origin 'refs/verdict/*' | cut -f2); do",
        "gh workflow run sweep.yml -f spec=sweeps/linear.yaml -f parallel=4",
    },
    "changes a cluster, or makes a key": {
        "kubectl apply -f deploy/kubernetes/overlays/production/namespace.yaml",
        "head -c 32 /dev/urandom > receipts.key",
        "kubectl --namespace verdict-production create secret generic verdict-receipts --from-file=key=receipts.key",
        "make manifests DEPLOY=overlays/production && kubectl apply -k deploy/kubernetes/overlays/production",
    },
    "needs an engine of containers; tests/images builds and runs the same by buildah and podman": {
        "docker build --tag verdict .",
        "docker run --rm --read-only --cap-drop all --security-opt no-new-privileges --memory 256m"
        " --publish 8000:8000 verdict",
        "docker build --target trainer --tag verdict-trainer .",
        'docker run --rm --gpus all --user "$(id -u):$(id -g)" --volume "$PWD:/work" verdict-trainer',
    },
    "sets up a serving host, as root": {
        "apt-get install git make python3-venv haproxy podman",
        "useradd --create-home verdict && loginctl enable-linger verdict",
        "install -d -o verdict /var/lib/verdict /etc/verdict",
        'echo "d /run/verdict 0700 verdict verdict" > /etc/tmpfiles.d/verdict.conf && systemd-tmpfiles --create',
        "systemctl disable --now haproxy",
        "git clone https://github.com/OWNER/NAME /opt/verdict && chown -R verdict /opt/verdict",
        "install /opt/verdict/deploy/compose/verdict /usr/local/bin/",
        "su - verdict",
        "make -C /opt/verdict .venv/serving.stamp",
        "cp /opt/verdict/deploy/compose/host.toml /etc/verdict/",
        "mkdir -p ~/.config/systemd/user && cp /opt/verdict/deploy/compose/haproxy.service"
        " ~/.config/systemd/user/verdict-haproxy.service",
        "cp /opt/verdict/deploy/compose/guard.service ~/.config/systemd/user/verdict-guard.service",
        "export XDG_RUNTIME_DIR=/run/user/$(id -u) && systemctl --user enable --now verdict-haproxy verdict-guard",
        "verdict deploy status",
    },
    "sets up a GPU machine, or one of a cloud": {
        "podman build --format docker --file Dockerfile.gpu --tag verdict-gpu \\",
        "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml",
        "sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker",
        "group() {",
        "set -euo pipefail",
        "cml runner launch --labels=gpu-main --single --idle-timeout=300 --no-retry \\",
        "aws ec2 describe-instances --filters Name=tag:purpose,Values=verdict-runner"
        " Name=instance-state-name,Values=running \\",
    },
}
RUN = {SHOW, SHOW_ONE, *LOOKS, *(command for command, _, _ in CHANGES)}


def test_every_documented_command_is_run_or_has_a_reason_not_to_be() -> None:
    """A new command in a document is in none of the lists, and one that is gone from the documents in one of them."""
    listed = [*(RUN - {BACK}), *(one for many in (*ELSEWHERE.values(), *NOT_RUN.values()) for one in many)]
    assert sorted(listed) == sorted(documents_by_command())
    assert all((ROOT / name).is_file() for name in ELSEWHERE)
    assert f"`{BACK}`" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_a_new_command_would_be_seen() -> None:
    """Commands are found in every kind of block, without their comments; a script counts by its first line."""
    text = (
        "Text\n\n```sh\nmake it   # now\n\n# why\nfor x in 1; do\n```\n\n    python -m it\n    more\n"
        "\n```\n$ asked\nanswered\n```\n```sh\nif a\n  then b\nfi\n```\n```python\nno\n```\n"
    )
    assert commands(text) == ["make it", "for x in 1; do", "asked", "if a", "python -m it", "more"]


@pytest.fixture(scope="module")
def looked_at(experiment: Clone, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A copy of the clone with an experiment, for commands that only look."""
    clone = experiment.copy(tmp_path_factory.mktemp("looked-at") / "verdict")
    (clone.path / "lines.txt").write_text("one\ntwo\n", encoding="utf-8")
    (clone.path / ".venv").mkdir()
    (clone.path / ".venv/repro.stamp").touch()  # the environment that make would set up is there
    return clone


def typed(clone: Clone, command: str) -> str:
    """Run a command that must succeed; return its output."""
    return clone.run("bash", "-c", command.replace("NAME", "bag"))


@pytest.mark.parametrize("command", LOOKS)
def test_a_command_shows_what_it_is_said_to_show(looked_at: Clone, command: str) -> None:
    """The documented command succeeds, and prints what the document says."""
    printed = typed(looked_at, command)
    assert re.search(LOOKS[command], printed), printed


@pytest.mark.parametrize(("command", "scores"), [(SHOW, {"overall"}), (SHOW_ONE, {"overall.weighted_f1"})])
def test_experiments_are_shown_without_the_scores_by_slice(looked_at: Clone, command: str, scores: set[str]) -> None:
    """The columns that should be dropped are dropped, the others are shown, and main has a row."""
    rows = list(csv.DictReader(typed(looked_at, f"{command} --csv").splitlines()))
    # Without a colon it is a dependency, by its hash.
    told = {name.rpartition(":")[2] for name in rows[0] if name.startswith("metrics/") and ":" in name}
    assert told
    assert all(name.startswith(tuple(scores)) for name in told)
    assert {"main", "workspace"} <= {row["rev"] for row in rows}
    assert "bag" in {row["Experiment"] for row in rows}
    assert not [name for name in rows[0] if "slices" in name]


def test_commands_change_what_they_are_said_to_change(experiment: Clone, copy_of: Callable[[Clone], Clone]) -> None:
    """One after another, each ends with its exit code, and leaves params, branches and settings as it should."""
    clone = copy_of(experiment)
    typed(clone, BACK)
    for command, code, holds in CHANGES:
        done = clone.try_run("bash", "-c", command.replace("NAME", "bag"))
        assert done.returncode == code, f"{command}: {done.stdout}"
        assert holds(clone), f"{command}: {done.stdout}"


def test_the_readme_says_what_the_gate_refuses_by_size() -> None:
    """The limit that README.md names is the one of params.yaml."""
    limit = re.search(r"max_artifact_mb: (\d+)", (ROOT / "params.yaml").read_text(encoding="utf-8"))
    assert limit is not None
    assert f"the largest artifact that passes, {limit[1]} MB" in (ROOT / "README.md").read_text(encoding="utf-8")
