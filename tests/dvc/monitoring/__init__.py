"""Tests of verdict/monitoring as processes: databases that go away, kills, buckets."""
