"""Where the stages leave what the review reads: `review` never imports the stages, so their paths stand here again."""

import re

ARTIFACT = "models/classifier"
EVALUATION = "metrics/evaluation.json"
PREDICTIONS = ("data/predictions", "test.parquet")
TEST = "data/prepared/test.parquet"
# In git: the rows of the test split that a person approved.
TEST_SET = "data/test-set.txt"
HELD_OUT = "data/prepared/validation.parquet"
VALIDATION = ("data/validation", "predictions.parquet")
SEED = re.compile(r"seed-([0-9]{1,10})\.parquet")  # further files of that folder: those of further seeds
