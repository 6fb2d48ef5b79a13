"""A stage reads what dvc.yaml declares, and nothing else of the repository."""
