"""Property-based tests: a fuzzer of all functions, and a state machine with a model."""
