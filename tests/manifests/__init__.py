"""What operators apply to a cluster, checked without one: `make manifests`."""
