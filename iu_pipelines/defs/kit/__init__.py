"""What the nouns share: configuration of one outbox, asset metadata, validated config, resources, tags."""
