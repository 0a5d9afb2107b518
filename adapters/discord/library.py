"""discord.py, without the warning that its import gives: it plays sound through a module of Python's
that is going away, and nothing is played here. Whoever needs the library takes it from this module,
which is imported when a connection is first opened."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord
    import discord.gateway
    import discord.http

__all__ = ["discord"]
