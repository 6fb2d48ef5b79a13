"""The answers of the GitHub of the tests, one module a field of its API."""
