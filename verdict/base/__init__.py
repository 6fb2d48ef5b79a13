"""The base that every package may import: errors, files, YAML, paths, outcomes. It imports no other package."""
