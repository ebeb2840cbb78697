"""Walking through all pages of a listing."""

from __future__ import annotations

from collections.abc import Iterator

from queuekit.job import StoredJob
from queuekit.storage import MAX_BATCH, JobFilter, Store


def all_jobs(store: Store, where: JobFilter) -> Iterator[StoredJob]:
    """Every job that matches, newest first, read page by page.

    A store may hand out a short page, even an empty one, that is not the last.
    """
    cursor: int | None = None
    while True:
        page = store.list(where, cursor, MAX_BATCH)
        yield from page.jobs
        cursor = page.cursor
        if cursor is None:
            return
