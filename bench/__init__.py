"""The benchmark: this engine, a lower bound of its cost (the floor) and its peers, on one PostgreSQL.

The floor of a case is the plain INSERT that writes the same rows. Cases are interleaved in one run.
"""
