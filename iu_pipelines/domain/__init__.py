"""One module for each noun, with frozen dataclasses and with functions that take a gateway or a session."""
