"""Sources of units: histories that become information units and versions."""
