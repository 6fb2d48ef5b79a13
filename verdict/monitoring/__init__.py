"""Monitoring without keeping texts: drift of what users ask, and labels that come back."""
