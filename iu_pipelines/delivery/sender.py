"""The sender of one target: claim, send, record."""
