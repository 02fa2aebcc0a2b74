"""What the tests of the engine share: sessions, checks of the four properties, and broken engines."""
