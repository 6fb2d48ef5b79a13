"""Steps of retrain.yml: decide on a retraining, collect new rows, and open their pull request."""
