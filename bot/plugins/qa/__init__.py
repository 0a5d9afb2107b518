"""Questions and answers from documents: passages for the model, with sources it can cite."""

from bot.plugins.qa.plugin import Plugin

__all__ = ["Plugin"]
