"""Governed event routing on PostgreSQL, orchestrated by Dagster."""

__version__ = "0.1.0"
