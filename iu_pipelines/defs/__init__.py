"""Dagster definitions (assets, checks, jobs, schedules and sensors), in one module for each noun."""
