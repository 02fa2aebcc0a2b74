"""Steps: numbered changes of the schema, each with a verify file and a rollback file of the same name."""
