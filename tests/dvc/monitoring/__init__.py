"""Tests of what monitors, as processes and with a real DAG."""
