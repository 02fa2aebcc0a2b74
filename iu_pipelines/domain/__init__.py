"""One module a noun: frozen dataclasses, and calls that take a gateway or a session."""
