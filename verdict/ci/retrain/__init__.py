"""Steps of retrain.yml: may new rows be proposed, which are there, and the pull request that brings them."""
