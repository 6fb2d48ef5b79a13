"""Let a stage read only what dvc.yaml declares, and nothing else of the repository."""
