"""The benchmark: this engine, its floor and its peers on one PostgreSQL, side by side in one run."""
