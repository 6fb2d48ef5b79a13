"""Tests of the Kubernetes manifests, without a cluster: `make manifests`."""
