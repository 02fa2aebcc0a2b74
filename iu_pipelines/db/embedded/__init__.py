"""The embedded PostgreSQL server: its binaries, cluster, processes and locks."""
