"""Telegram. `adapter.TelegramAdapter` is the entrance; import it only where there is a token."""
