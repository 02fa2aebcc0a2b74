"""Dagster definitions (assets, checks, jobs, schedules and sensors), in one module for each noun.

Raises ExtraMissing, which is an ImportError, if Dagster is not installed.
"""

from iu_pipelines import extras

extras.require("dagster", "dagster")
