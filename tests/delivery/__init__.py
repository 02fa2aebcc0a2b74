"""Tests of the module iu-delivery."""
