"""dvc.lock: its entries, and whether they are consistent with the tree."""
