"""Shared by the nouns: configuration of one outbox, asset metadata, validated config, resources, tags."""
