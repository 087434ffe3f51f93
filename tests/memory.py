"""The rules of the tables, in memory, for properties that are searched through thousands of steps."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterable

from edge.claims import Claim
from edge.event_store import Commit, VersionTaken


class MemoryStore:
    """The event store's rule: a place in a stream is taken once. `log` is the table's stream, in the order of the writes."""

    def __init__(self) -> None:
        self.streams: dict[str, list[Commit]] = {}
        self.log: list[Commit] = []

    def commits(self, aggregate_id: str) -> list[Commit]:
        return list(self.streams.get(aggregate_id, []))

    def append(self, commit: Commit) -> None:
        stream = self.streams.setdefault(commit.aggregate_id, [])
        if commit.first != (stream[-1].version + 1 if stream else 1):
            raise VersionTaken
        stream.append(commit)
        self.log.append(commit)


class MemoryClaims:
    """The rule of claims: the first use of a key holds."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str, str], Claim] = {}

    def claim(self, caller: str, operation: str, key: str, claim: Claim, now_s: int) -> Claim:
        return self.held.setdefault((caller, operation, key), claim)


class MemoryTold:
    """The table of marks."""

    def __init__(self) -> None:
        self.marks: set[tuple[str, int]] = set()

    def mark(self, aggregate_id: str, first: int, now_s: int) -> None:
        self.marks.add((aggregate_id, first))

    def marked(self, commits: Iterable[tuple[str, int]]) -> set[tuple[str, int]]:
        return self.marks & set(commits)


class MemoryVault:
    """Sealed entries by subject and name, and a seal that needs no key."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], dict[str, str]] = {}

    def put(self, subject: str, entry: str, ciphertexts: dict[str, str]) -> None:
        self.entries[subject, entry] = ciphertexts

    def remove(self, subject: str, entry: str) -> None:
        self.entries.pop((subject, entry), None)

    def seal(self, clear: str, subject: str) -> str:
        return base64.b64encode(gzip.compress(f"{subject}:{clear}".encode(), mtime=0)).decode()


class Killed(BaseException):
    """A process ends in the middle of its work; nothing in it may catch that."""
