"""Settings of the service that counts labels; the group `feedback` of params.yaml."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from verdict.base.documents import read
from verdict.base.errors import VerdictError
from verdict.web.settings import WebSettings


class Consent(BaseModel):
    """The group `feedback`: are texts of users who consent kept, and where? By default none is kept.

    Args:
        texts: whether texts are kept.
        recipient: the public key of age that they are encrypted to.
        bucket: a folder or a URL such as s3://BUCKET/PREFIX that holds nothing else.
        days: days after which `verdict feedback purge` removes them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    texts: bool = False
    recipient: Annotated[str, Field(pattern="^age1")] | None = None
    bucket: Annotated[str, Field(min_length=1)] | None = None
    days: Annotated[int, Field(ge=1, le=3650)] = 180

    @model_validator(mode="after")
    def _has_a_place(self) -> Self:
        if self.texts and not (self.recipient and self.bucket):
            raise ValueError("texts: true needs recipient, of `age-keygen -o KEY`, and bucket")
        return self


@dataclass(frozen=True, kw_only=True)
class Settings(WebSettings):
    """Settings of the service.

    Args:
        receipt_key: the key that the service signs receipts with.
        labels: all labels of the releases that serve.
        database: a URL as SQLAlchemy writes it.
        consent: see `Consent`.
    """

    receipt_key: bytes
    labels: tuple[str, ...]
    database: str
    consent: Consent = field(default_factory=Consent)


def read_consent(path: Path | None) -> Consent:
    """Read the group of a params.yaml; by default of the one in this folder, if there is one.

    Raises:
        VerdictError: the file is missing, or the group is wrong.
    """
    if path is None and not Path("params.yaml").is_file():
        return Consent()
    path = path or Path("params.yaml")
    document = read(path, f"git diff {path}")
    try:
        return Consent.model_validate(document.get("feedback", {}) if isinstance(document, dict) else {})
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, ("feedback", *problem["loc"])))
        raise VerdictError(f"{path}, {key}", problem["msg"], "docs/monitoring.md says what it may be") from None
