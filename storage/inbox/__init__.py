"""Inboxes: where events wait, durably, for the core."""
