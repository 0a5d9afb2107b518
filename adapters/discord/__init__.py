"""Discord. `adapter.DiscordAdapter` is the entrance; import it only where there is a token."""
