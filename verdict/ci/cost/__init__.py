"""What runs cost: read from their own records, priced by params.yaml, forecast, and held against a budget."""
