"""The image of `verdict feedback`: it counts as the command does, and has no model."""

import http.client
from pathlib import Path

from tests.dvc.monitoring.feedback_process import KEY, LABELS, labels, post_status
from tests.images import container_tools
from tests.images.conftest import FIGURES, Built
from tests.images.test_image import files_of
from tests.ports import free_port
from verdict.delivery import images
from verdict.delivery.recipe import context


def test_it_counts_read_only_and_holds_nothing_that_scores(built: Built, here: Path, registry: str) -> None:
    """Built from a checkout, run as an unprivileged user on a read-only root, it counts into a mounted folder."""
    root, name = built.root, f"{registry}/feedback:test"
    with context(root, "feedback") as folder:
        images._build(root, folder, "--tag", name)
    found = files_of(name)
    assert not [path for path in found if "/models/" in path or "verdict/serving" in path or "/numpy/" in path]
    FIGURES["MB of the image that counts labels"] = f"{sum(map(len, found.values())) / 1e6:.0f}"
    data, key = here / "data", here / "key"
    data.mkdir()
    data.chmod(0o777)
    key.write_bytes(KEY)
    key.chmod(0o644)
    users, metrics = free_port(), free_port()
    options = ["--port", str(users), "--metrics-port", str(metrics), "--labels", ",".join(LABELS)]
    mounts = ("--volume", f"{data}:/data", "--volume", f"{key}:/run/receipts.key:ro")
    with container_tools.container(
        name, *options, "--receipt-key", "/run/receipts.key", podman_options=mounts
    ) as container:
        address = f"127.0.0.1:{users}"
        assert container_tools.reply(address, "/health") is not None, container_tools.podman("logs", container)
        client = http.client.HTTPConnection(address, timeout=60)
        assert {post_status(client, body) for body in labels(9)} == {202}
        told = container_tools.reply(f"127.0.0.1:{metrics}", "/metrics")
        assert b'verdict_feedback_labelled_total{release="v1.0.0"} 9.0' in (told or b"")
    assert (data / "feedback.db").is_file()
