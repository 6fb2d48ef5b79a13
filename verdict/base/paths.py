"""Paths of the repository that several packages read: params.yaml, what stages write, what git keeps."""

import re

PARAMS = "params.yaml"
# What a kind of model starts from: a pinned file, and beside it the folder of what that pins.
PRETRAINED = "data/start"
ARTIFACT = "models/classifier"
REFERENCE = "models/reference.json"
EVALUATION = "metrics/evaluation.json"
VALIDATION_METRICS = "metrics/validation.json"
PREDICTIONS = ("data/predictions", "test.parquet")
TEST = "data/prepared/test.parquet"
DATASET = "data/prepared/dataset.json"
# In git: the rows of the test split that a person approved.
TEST_SET = "data/test-set.txt"
VALIDATION_SPLIT = "data/prepared/validation.parquet"
VALIDATION_PREDICTIONS = ("data/validation", "predictions.parquet")
SEED = re.compile(r"seed-([0-9]{1,10})\.parquet")  # further files of that folder: those of further seeds
# Files that a DAG writes and git keeps: nothing else is committed for an author.
GENERATED = re.compile(r"dvc\.lock|metrics/.+|plots/.+")
