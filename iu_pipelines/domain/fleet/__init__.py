"""A fleet: many outboxes, each in a database of its own, that one file names and one call asks."""
