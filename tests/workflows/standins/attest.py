"""actions/attest: send an unsigned statement about a digest to GitHub's API."""

import base64
import json
import os
import re

import requests

from tests.workflows.standins.step import fail, get_input, output

_PREDICATE = "https://slsa.dev/provenance/v1"


def main() -> None:
    """Send an in-toto statement of which workflow made a digest."""
    name, digest = get_input("subject-name"), get_input("subject-digest")
    if not name or not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        fail("subject-name and subject-digest, such as sha256:…, are required")
    workflow = {"workflow": {"ref": os.environ["GITHUB_REF"], "path": os.environ["GITHUB_WORKFLOW_REF"]}}
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}}],
        "predicateType": _PREDICATE,
        "predicate": {"buildDefinition": {"externalParameters": workflow}},
    }
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    envelope = {"payload": payload, "payloadType": "application/vnd.in-toto+json", "signatures": []}
    media = "application/vnd.dev.sigstore.bundle.v0.3+json"
    bundle = {"mediaType": media, "verificationMaterial": {}, "dsseEnvelope": envelope}
    answer = requests.post(
        f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}/attestations",
        json={"bundle": bundle},
        headers={"Authorization": f"Bearer {get_input('github-token')}"},
        timeout=60,
    )
    if not answer.ok:
        fail(f"Failed to persist attestation: {answer.text}")
    output(attestation_id=answer.json()["id"])


if __name__ == "__main__":
    main()
