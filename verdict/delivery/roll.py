"""From what a tag says to what a serving host rolls out."""

from verdict.delivery.host.state import Release
from verdict.delivery.provenance import Provenance


def rollable(told: Provenance) -> Release:
    """A release as the guard takes it."""
    return Release(told.version, told.image, told.commit, told.manifest, told.differs)
