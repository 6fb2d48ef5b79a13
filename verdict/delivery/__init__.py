"""From a version to what runs: the image of an artifact, and its release."""
