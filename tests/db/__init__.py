"""Tests of the gateway, the settings, the errors and the embedded server."""
