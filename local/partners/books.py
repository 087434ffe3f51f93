"""What a partner remembers: documents, a journal of what it saw and did, and an outbox of what the hub has yet to hear.

One SQLite file a partner, written before anything is answered, so that a partner that is stopped goes on where it was.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Letter:
    """A call that the hub has yet to hear; letters of one subject are delivered in order."""

    id: int
    subject: str
    path: str
    body: str
    headers: dict[str, str]


class Books:
    """A partner's file."""

    def __init__(self, file: str) -> None:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.executescript(
            """
            PRAGMA journal_mode = WAL;
            PRAGMA synchronous = NORMAL;
            CREATE TABLE IF NOT EXISTS document (kind TEXT, id TEXT, body TEXT, PRIMARY KEY (kind, id));
            CREATE TABLE IF NOT EXISTS journal (at TEXT, subject TEXT, order_id TEXT, entry TEXT);
            CREATE INDEX IF NOT EXISTS journal_by_order ON journal (order_id);
            CREATE INDEX IF NOT EXISTS journal_by_subject ON journal (subject);
            CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY, subject TEXT, path TEXT, body TEXT, headers TEXT);
            """
        )

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What is written inside is kept as a whole or not at all; nothing may be awaited inside."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def put(self, kind: str, id_: str, body: dict[str, Any]) -> None:
        """Remember a document."""
        self._db.execute("INSERT OR REPLACE INTO document VALUES (?, ?, ?)", (kind, id_, json.dumps(body)))

    def get(self, kind: str, id_: str) -> dict[str, Any] | None:
        """A document, or None."""
        row = self._db.execute("SELECT body FROM document WHERE kind = ? AND id = ?", (kind, id_)).fetchone()
        return json.loads(row[0]) if row else None

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Every document of a kind."""
        return [json.loads(row[0]) for row in self._db.execute("SELECT body FROM document WHERE kind = ?", (kind,))]

    def note(self, subject: str, order_id: str, operation: str, outcome: str, correlation_id: str | None = None) -> None:
        """Write down what was asked and what came of it."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        entry = {"operation": operation, "outcome": outcome, "correlation_id": correlation_id}
        self._db.execute("INSERT INTO journal VALUES (?, ?, ?, ?)", (at, subject, order_id, json.dumps(entry)))

    def journal(self, *, order_id: str | None = None, subject: str | None = None) -> list[dict[str, Any]]:
        """What the partner saw and did for an order, or for a subject (a shipment, a parcel, a payment), in order."""
        column, value = ("order_id", order_id) if order_id is not None else ("subject", subject)
        rows = self._db.execute(
            f"SELECT at, subject, entry FROM journal WHERE {column} = ? ORDER BY rowid",  # noqa: S608  # one of two names above
            (value,),
        )
        return [{"at": at, "subject": subject, **json.loads(entry)} for at, subject, entry in rows]

    def send(self, subject: str, path: str, body: str, headers: dict[str, str]) -> int:
        """Put a letter for the hub into the outbox."""
        done = self._db.execute(
            "INSERT INTO outbox (subject, path, body, headers) VALUES (?, ?, ?, ?)", (subject, path, body, json.dumps(headers))
        )
        return int(done.lastrowid or 0)

    def letters(self) -> list[Letter]:
        """Every letter that is not delivered, in order."""
        rows = self._db.execute("SELECT id, subject, path, body, headers FROM outbox ORDER BY id")
        return [Letter(id_, subject, path, body, json.loads(headers)) for id_, subject, path, body, headers in rows]

    def delivered(self, letter_id: int) -> None:
        """Take a letter out of the outbox."""
        self._db.execute("DELETE FROM outbox WHERE id = ?", (letter_id,))
