"""Tests of the service by programs of others: `make clients`."""
