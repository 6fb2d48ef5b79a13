"""Read dvc.lock, and check that it is consistent with the tree."""
