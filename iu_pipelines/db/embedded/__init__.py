"""The embedded PostgreSQL: its binaries, its cluster, its processes and its locks."""
