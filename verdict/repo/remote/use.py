"""Move a checkout from the embedded folder to a remote that others reach."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from verdict.base.errors import VerdictError
from verdict.repo.dvc import settings as settings_of
from verdict.repo.remote.needs import Missing
from verdict.repo.remote.reasons import GUIDE, shown, told
from verdict.repo.remote.state import missing, repaired
from verdict.repo.remote.storage import Storage

if TYPE_CHECKING:
    from dvc.config import Config

NAME = "storage"
_SECRETS = ("access_key_id", "secret_access_key", "session_token", "sse_customer_key", "password")
_HOW = "make remote URL=s3://bucket/prefix [ENDPOINT=https://host] [REGION=region]"
_NO_KEYS = f"keys never stand in an address: git keeps it; {GUIDE}, Keys"


def configured(root: Path, name: str | None = None) -> bool:
    """Whether the default remote, or the one named, is one that others reach: not a folder inside this checkout."""
    with told(lambda: ".dvc/config"):
        config = settings_of(root)
        remote = name or config["core"].get("remote")
        url = str(config["remote"].get((remote or "").lower(), {}).get("url", ""))
    if not url:
        return False
    return "://" in url or not Path(url).resolve().is_relative_to(root.resolve())


def use(root: Path, url: str, endpoint: str | None = None, region: str | None = None) -> list[Missing]:
    """Push everything to an S3 address, and only then make it the default remote, in .dvc/config.

    Settings that the remote has already, such as an endpoint or a profile, stay unless they are given anew.

    Returns:
        What could not be pushed; when there is any, .dvc/config is as it was.

    Raises:
        VerdictError: the address is not one of S3 or holds credentials, other settings stand in the way, or the remote
            cannot be asked or does not take a file; .dvc/config is as it was.
    """
    settings = _settings(url, endpoint, region)
    with told(lambda: ".dvc/config"):
        _refuse_others(settings_of(root))
    overlay = {"core": {"remote": NAME}, "remote": {NAME: settings}}
    with Storage(root, NAME, overlay) as storage:
        left = missing(repaired(storage))
    if not left:
        with told(lambda: ".dvc/config"), settings_of(root).edit("repo") as config:
            config["core"]["remote"] = NAME
            config["remote"][NAME] = {**config["remote"].get(NAME, {}), **settings}
    return left


def _settings(url: str, endpoint: str | None, region: str | None) -> dict[str, Any]:
    parts = _split(url, "the URL")
    if parts.scheme != "s3" or not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", parts.netloc):
        raise VerdictError(shown(url) or "the URL", "not s3://bucket or s3://bucket/prefix", _HOW)
    settings: dict[str, Any] = {"url": url.rstrip("/"), "verify": True}
    if endpoint:
        server = _split(endpoint, "the endpoint")
        if server.scheme not in ("http", "https") or not server.hostname:
            raise VerdictError(shown(endpoint), "not the address of a server", _HOW)
        settings["endpointurl"] = endpoint
    if region:
        settings["region"] = region
    return settings


def _split(address: str, what: str) -> Any:  # noqa: ANN401 - a SplitResult
    try:
        parts = urlsplit(address)
    except ValueError:
        raise VerdictError(what, "not an address", _HOW) from None
    if "@" in address or parts.query or parts.fragment:
        raise VerdictError(what, "holds credentials or parameters", _NO_KEYS)  # and is not repeated here
    return parts


def _refuse_others(config: "Config") -> None:
    """What would make another remote the default one, or puts a key into git."""
    shared, own = (config.read(level) for level in ("repo", "local"))
    if set(shared["remote"].get(NAME, {})) & set(_SECRETS):
        remedy = f"dvc remote modify --unset {NAME} for it, and make a new key: git has seen this one"
        raise VerdictError(".dvc/config", f"holds a key of remote {NAME}", remedy)
    if own["core"].get("remote", NAME) != NAME:
        raise VerdictError(".dvc/config.local", "names another default remote", "dvc remote default --local --unset")
    if "url" in own["remote"].get(NAME, {}):
        remedy = f"dvc remote modify --local --unset {NAME} url"
        raise VerdictError(".dvc/config.local", f"gives {NAME} another url", remedy)
