"""Tests of the way of a release in one piece: from the merge to users, and back."""
