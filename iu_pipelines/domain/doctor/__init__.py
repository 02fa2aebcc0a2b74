"""`iu doctor`: the checks of a database. Checks of this machine and of Dagster are in `hosting.doctor`."""
