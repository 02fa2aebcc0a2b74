"""The command line: one module for each noun, and the error boundary in `main`."""
