"""Steps: numbered changes of the schema. Each has a verify file and a rollback file of the same name."""
