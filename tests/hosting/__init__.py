"""What `iu dev` and `iu demo` need to run Dagster."""
