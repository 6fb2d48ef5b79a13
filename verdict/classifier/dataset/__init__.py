"""From raw data to labelled rows in three splits, and the contracts that they keep."""
