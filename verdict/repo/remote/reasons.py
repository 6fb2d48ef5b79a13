"""Why a remote could not be asked, in words, with a remedy, and without a secret."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from verdict.base.errors import VerdictError
from verdict.base.printable import plain

GUIDE = "docs/remote.md"
_KEYS = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, or a profile, or .dvc/config.local; "
    f"{GUIDE}, Keys"
)
_RIGHTS = f"ask for a key with the rights that {GUIDE} lists; only main's workflow writes"
_BUCKET = "check the remote's url (dvc remote list), or create the bucket; nothing creates one by itself"
_REGION = "dvc remote modify NAME region REGION, with the region of the bucket"
_SERVER = "check the endpoint and the network, and run the same again: what arrived stays, the rest follows"

# What servers answer, by S3's error codes.
_CODES = {
    "InvalidAccessKeyId": ("it does not know this access key", _KEYS),
    "SignatureDoesNotMatch": ("the secret key does not belong to the access key", _KEYS),
    "ExpiredToken": ("the session has expired", _KEYS),
    "InvalidToken": ("the session token is not valid", _KEYS),
    "AccessDenied": ("this key has no right to {operation}", _RIGHTS),
    "403": ("this key has no right to {operation}", _RIGHTS),
    "NoSuchBucket": ("there is no such bucket", _BUCKET),
    "InvalidBucketName": ("there can be no bucket of this name", _BUCKET),
    "404": ("there is no such bucket, or this is no S3 server", _BUCKET),
    "PermanentRedirect": ("the bucket is in another region", _REGION),
    "301": ("the bucket is in another region", _REGION),
    "AuthorizationHeaderMalformed": ("the bucket is in another region", _REGION),
    "IllegalLocationConstraintException": ("the bucket is in another region", _REGION),
    "RequestTimeTooSkewed": ("the clock of this machine is wrong", "set the clock"),
}
# What the client says before or instead of an answer, by the names of its errors.
_ERRORS = {
    "NoCredentialsError": ("there is no key", _KEYS),
    "PartialCredentialsError": ("half of the key is missing", _KEYS),
    "ProfileNotFound": ("there is no such profile", _KEYS),
    "TokenRetrievalError": ("the session has expired", _KEYS),
    "NoRegionError": ("it needs a region", _REGION),
    "SSLError": ("no TLS connection can be made", "check the endpoint: https, and a certificate that is trusted"),
    "FSTimeoutError": ("no answer in time", _SERVER),
    "TimeoutError": ("no answer in time", _SERVER),
    "ConnectTimeoutError": ("no answer in time", _SERVER),
    "ReadTimeoutError": ("no answer in time", _SERVER),
    "ConnectionError": ("the server cannot be reached", _SERVER),
    "HTTPClientError": ("the server cannot be reached", _SERVER),
}


def shown(text: object) -> str:
    """An address, or a message that holds one, without a name and password before the host."""
    return plain(re.sub(r"//[^/@\s]*@", "//…@", str(text)))


def unreachable(where: str, error: BaseException) -> VerdictError:
    """The error of a remote, named by `where`, in our words."""
    for each in _chain(error):
        response = getattr(each, "response", None)
        code = response.get("Error", {}).get("Code", "") if isinstance(response, dict) else ""
        if code in _CODES:
            what, remedy = _CODES[code]
            operation = getattr(each, "operation_name", "that")
            return VerdictError(where, f"{what.format(operation=operation)} ({code})", remedy)
        for name in (cls.__name__ for cls in type(each).__mro__):
            if name in _ERRORS:
                what, remedy = _ERRORS[name]
                return VerdictError(where, f"{what} ({_text(each)})", remedy)
    if isinstance(error, PermissionError):
        return VerdictError(where, f"no permission ({_text(error)})", _RIGHTS)
    return VerdictError(where, _text(error), f"{GUIDE} has a table of failures; run the same again")


@contextmanager
def told(where: Callable[[], str]) -> Iterator[None]:
    """Turn whatever goes wrong inside into a `VerdictError` about the remote."""
    from dvc.exceptions import DvcException

    try:
        yield
    except VerdictError:
        raise
    except (DvcException, OSError, ValueError) as error:
        raise unreachable(where(), error) from None
    except Exception as error:
        if not type(error).__module__.startswith(("botocore", "aiobotocore", "aiohttp", "dvc", "fsspec", "s3fs")):
            raise  # a defect of ours keeps its traceback
        raise unreachable(where(), error) from None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The causes first: what the server said tells more than what was made of it."""
    if error.__cause__ is not None:
        yield from _chain(error.__cause__)
    yield error


def _text(error: BaseException) -> str:
    return shown(error) or type(error).__name__
