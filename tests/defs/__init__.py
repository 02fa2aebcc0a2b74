"""Tests of Dagster's definitions."""
