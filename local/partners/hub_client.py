"""A partner's own client of the hub: its credentials, its scope, and an outbox that outlives it."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from local.partners.books import Books, Letter
    from local.partners.config import Config

AT_ONCE = 3
"""Calls to the hub under way at once."""
LONGEST_WAIT_S = 5.0


class HubClient:
    """Delivers letters to the hub: in order by subject, again after any failure that may pass, never twice in effect."""

    def __init__(
        self,
        config: Config,
        books: Books,
        answered: Callable[[Letter, httpx.Response], Awaitable[None]],
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._config = config
        self._books = books
        self._answered = answered
        self._client = httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_connections=AT_ONCE), transport=transport)
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._queues: dict[str, asyncio.Queue[Letter]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._token: str | None = None

    def resume(self) -> None:
        """Take up what was not delivered before the last stop."""
        for letter in self._books.letters():
            self.deliver(letter)

    def deliver(self, letter: Letter) -> None:
        """Deliver a letter that is in the outbox, after those of its subject before it."""
        queue = self._queues.get(letter.subject)
        if queue is None:
            queue = self._queues[letter.subject] = asyncio.Queue()
            task = asyncio.create_task(self._deliver_all(letter.subject, queue))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        queue.put_nowait(letter)

    async def _deliver_all(self, subject: str, queue: asyncio.Queue[Letter]) -> None:
        while not queue.empty():
            letter = queue.get_nowait()
            answer = await self._until_answered(letter)
            # What follows from the answer comes first: a stop in between asks the hub again, which answers the same.
            await self._answered(letter, answer)
            self._books.delivered(letter.id)
        del self._queues[subject]

    async def _until_answered(self, letter: Letter) -> httpx.Response:
        wait = 0.2
        while True:
            try:
                async with self._gate:
                    answer = await self._post(letter)
                if answer.status_code == 401:
                    self._token = None
                elif answer.status_code != 429 and answer.status_code < 500:
                    return answer
            except httpx.HTTPError:
                self._token = None
            await asyncio.sleep(random.uniform(0, wait))  # noqa: S311  # jitter
            wait = min(LONGEST_WAIT_S, wait * 2)

    async def _post(self, letter: Letter) -> httpx.Response:
        if self._token is None:
            answer = await self._client.post(
                self._config.token_url,
                data={"grant_type": "client_credentials"},
                auth=(self._config.client_id, self._config.client_secret),
            )
            answer.raise_for_status()
            self._token = answer.json()["access_token"]
        headers = {"authorization": f"Bearer {self._token}", "content-type": "application/json", **letter.headers}
        return await self._client.post(f"{self._config.hub_url}{letter.path}", content=letter.body, headers=headers)
