"""What the pinned third-party actions do, done in a folder of this machine."""
