"""Dagster: one module a noun, each an asset with its checks, job, and schedule or sensor."""
