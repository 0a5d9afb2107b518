"""Erased text leaves SQLite's files: the rows, the indexes of words, and the write-ahead log.

Rows are overwritten as they are deleted (`PRAGMA secure_delete`, see `storage.sqlite`). An FTS5
index only notes that a word is gone, until its segments are merged into one
(https://sqlite.org/fts5.html#the_merge_command); what the log holds is readable until it is cut off
(https://sqlite.org/pragma.html#pragma_wal_checkpoint). Both are done by the writer in short steps
between writes. FTS5's own option `secure-delete` is not used: it changes the file's format so that
SQLite before 3.42 cannot read the index any more, and copies are to open everywhere.

That there is something to do is noted in the file itself, in `PRAGMA user_version`, within the
transaction that erases: what a crash cuts short is taken up at the next start.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator

from sqlalchemy import Connection

log = logging.getLogger(__name__)

INDEXES = ("said_fts", "passages_fts")
PAGES = 16
"""Merged in one step: some 5 ms in which other writes wait."""
LATER = 600.0
"""Seconds that what is not urgent waits for more of its kind, as a merge writes the index anew."""
RETRY = 60.0
"""Seconds after a step that failed, or that somebody who reads held up."""
_URGENT = 1
_ONE = 2
_END = object()


def erased(connection: Connection, *, urgent: bool) -> None:
    """Say so within the transaction that erases; on PostgreSQL nothing is owed beyond it.

    The words are gone from the files soon after, if urgent, else within `LATER`; in any case once
    the database is closed.
    """
    if connection.dialect.name == "sqlite":
        noted = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        connection.exec_driver_sql(f"PRAGMA user_version={(noted + _ONE) | (_URGENT if urgent else 0)}")


class Eraser:
    """Of one connection, the writer's. What goes wrong in the database is tried again, not raised."""

    def __init__(self, driver: sqlite3.Connection, now: Callable[[], float] = time.monotonic) -> None:
        self._driver = driver
        self._now = now
        self._due: float | None = now()  # what an earlier life left is done at once
        self._noted = 0
        self._begun_with = 0
        self._merging: Iterator[None] | None = None

    def wait(self) -> float | None:
        """Seconds until there is something to do; None if nothing was erased."""
        return None if self._due is None else max(0.0, self._due - self._now())

    def step(self) -> None:
        """Look for what was erased, and do a step of it if it is due."""
        try:
            self._look()
            if self.wait() == 0:
                self._go_on()
        except sqlite3.Error as error:
            log.warning("Erased words are still in the file; tried again in a minute: %s", error)
            self._put_off()

    def finish(self) -> None:
        """Do all that is left, once: the database is about to be closed."""
        self._due = self._now()
        while self.wait() == 0:
            self.step()

    def _look(self) -> None:
        noted = _noted(self._driver)
        if noted != self._noted:
            now = self._now()
            self._noted = noted
            if noted & _URGENT:
                self._due = now
            elif self._due is None:
                self._due = now + LATER

    def _go_on(self) -> None:
        if not self._noted:
            self._due = None
            return
        if self._merging is None:
            self._begun_with, self._merging = self._noted, _merged(self._driver)
        if next(self._merging, _END) is not _END:
            return
        self._merging = None
        if not _log_cut(self._driver):
            self._put_off()
        elif _settled(self._driver, self._begun_with):
            self._noted, self._due = 0, None

    def _put_off(self) -> None:
        self._merging, self._due = None, self._now() + RETRY


def _noted(driver: sqlite3.Connection) -> int:
    return int(driver.execute("PRAGMA user_version").fetchone()[0])


def _merged(driver: sqlite3.Connection) -> Iterator[None]:
    """A step at a time, until each index is one segment, but for what is written meanwhile."""
    for index in INDEXES:
        pages = -PAGES  # the first step takes all segments together
        while _changed(driver, f"INSERT INTO {index} ({index}, rank) VALUES ('merge', {pages})") > 1:
            pages = PAGES
            yield


def _changed(driver: sqlite3.Connection, statement: str) -> int:
    """Rows; a merge that finds nothing to do changes one at most."""
    before = driver.total_changes
    driver.execute(statement)
    return driver.total_changes - before


def _log_cut(driver: sqlite3.Connection) -> bool:
    """Whether nobody who reads stood in the way; they are not waited for."""
    patience = driver.execute("PRAGMA busy_timeout").fetchone()[0]
    driver.execute("PRAGMA busy_timeout=0")
    try:
        return bool(driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)
    finally:
        driver.execute(f"PRAGMA busy_timeout={patience}")


def _settled(driver: sqlite3.Connection, noted: int) -> bool:
    """Take back the note, unless more was erased meanwhile."""
    with driver:
        driver.execute("BEGIN IMMEDIATE")
        if _noted(driver) != noted:
            return False
        driver.execute("PRAGMA user_version=0")
    return True
