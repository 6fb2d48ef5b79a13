"""The remotes in the .dvc/config of a checkout."""

import re
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.repo.dvc import dvc_config
from verdict.repo.remote.failures import GUIDE, remote_errors

_SECRETS = {"access_key_id", "secret_access_key", "session_token", "sse_customer_key", "password"}


def has_shared_remote(root: Path) -> bool:
    """Return whether the default remote can be reached by others: it is not a folder inside this checkout."""
    with remote_errors(lambda: ".dvc/config"):
        config = dvc_config(root)
        url = str(config["remote"].get(str(config["core"].get("remote")).lower(), {}).get("url", ""))
    return "://" in url or (bool(url) and not Path(url).resolve().is_relative_to(root.resolve()))


def refuse_keys(root: Path) -> None:
    """Refuse a key in .dvc/config, which is in git, or in an address there; the message does not repeat it."""
    with remote_errors(lambda: ".dvc/config"):
        remotes = dvc_config(root).read("repo")["remote"]
    for name, remote in remotes.items():
        url, endpoint = (str(remote.get(key, "")) for key in ("url", "endpointurl"))
        if _SECRETS & set(remote) or (url.startswith("s3:") and re.search("[@?#]", url + endpoint)):
            remedy = f"dvc remote remove {name}; where git has seen the key, make a new one; {GUIDE}, Keys"
            raise VerdictError(".dvc/config", f"remote {name} holds a key", remedy)
