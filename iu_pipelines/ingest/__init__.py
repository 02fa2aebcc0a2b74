"""Sources of information units and their versions: git histories, and a sample."""
