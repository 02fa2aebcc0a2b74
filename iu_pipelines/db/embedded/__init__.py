"""The embedded PostgreSQL: its programs, its server and its locks."""
