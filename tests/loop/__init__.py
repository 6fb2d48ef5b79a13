"""Tests of the whole loop: production reports a drift, and the retrained model passes the same gate."""
