"""Where the stages leave what the review reads: `review` never imports the stages, so their paths stand here again."""

ARTIFACT = "models/classifier"
EVALUATION = "metrics/evaluation.json"
PREDICTIONS = ("data/predictions", "test.parquet")
TEST = "data/prepared/test.parquet"
# In git: the rows of the test split that a person approved.
TEST_SET = "data/test-set.txt"
