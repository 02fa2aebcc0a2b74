"""Dagster definitions, one module for each noun: assets, checks, jobs, schedules and sensors."""
