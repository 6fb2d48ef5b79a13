"""Stand-ins for the pinned third-party actions, which work on folders of this machine."""
