"""The outbox file: its YAML, its model, its checks, and its text."""
