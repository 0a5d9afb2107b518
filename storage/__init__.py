"""Everything that outlives the process: SQLModel tables, stores, inboxes, search, migrations."""
