"""Query plans, pages and statement counts of the hot paths."""
