"""Governed event routing on PostgreSQL, orchestrated by Dagster."""
