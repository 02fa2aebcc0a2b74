"""What `iu dev` and `iu demo` need to run Dagster: its instance, a run in this process, child processes."""
