"""What every package may import: errors, files, YAML, paths, outcomes. It imports nothing of the others."""
