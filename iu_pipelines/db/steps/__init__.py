"""Steps: numbered changes of the schema, each with a proof and an undo of the same name."""
