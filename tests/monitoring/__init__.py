"""Tests of deploy/monitoring, by Prometheus and Alertmanager themselves: make monitor."""
