"""The mirror in MLflow, against a real server: make mlflow."""
