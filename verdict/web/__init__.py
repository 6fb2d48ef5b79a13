"""What every process has that answers strangers over HTTP: bounds, refusals, counters, an end that drops no request."""
