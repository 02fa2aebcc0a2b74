"""Tests of running Dagster for `iu dev` and `iu demo`."""
