"""The terminal: one question (`tertulia ask`) or a conversation (`tertulia chat`)."""
