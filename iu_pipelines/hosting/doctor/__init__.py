"""`iu doctor`: the checks of this machine and of Dagster, and all findings together."""
