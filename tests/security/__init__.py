"""Security: the least role that suffices, passwords that show nowhere, and a hostile neighbour."""
