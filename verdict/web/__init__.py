"""The base of HTTP services for untrusted clients: limits, refusals, counters, an end that drops no request."""
