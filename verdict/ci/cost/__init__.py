"""The cost of runs: read from their records, priced by params.yaml, forecast, and compared with a budget."""
