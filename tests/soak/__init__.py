"""The soak test: writers, workers and faults run concurrently, then the tables are checked."""
