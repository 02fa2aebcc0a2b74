"""Running Dagster for `iu dev` and `iu demo`: its instance, runs in this process, and child processes."""
