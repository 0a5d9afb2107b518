"""Plugins: `api` says what one is, `host` runs them, each folder is one."""
