"""Tests of verdict/delivery with real servers behind a real haproxy."""
