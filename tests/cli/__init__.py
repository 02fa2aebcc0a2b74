"""The command line: one test module a noun, and the error boundary."""
