"""The nouns as the rest of the package calls them: a test module for each."""
