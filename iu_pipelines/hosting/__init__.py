"""What `iu dev` and `iu demo` need to run Dagster: instance, runs in this process, child processes."""
