"""Tests of Dagster's web UI in a browser."""
