"""The benchmark's program: tasks that do nothing, so that what is left is the queue."""

from queuekit import App

app = App()


@app.task(queue="sync")
def nothing() -> None:
    """No work, in a child process."""


@app.task(queue="async")
async def nothing_async() -> None:
    """No work, on the event loop."""
