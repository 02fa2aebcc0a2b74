"""The command line: one module a noun, and the error boundary in main."""
