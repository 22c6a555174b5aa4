"""Helpers for the tests: models built in memory, and what several test folders share."""
