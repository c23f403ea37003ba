"""Servers that end with the process that started them."""

import asyncio
import os
import threading


def stop_when_closed(stop: asyncio.Event) -> None:
    """Sets an event of the running loop as soon as standard input ends."""
    loop = asyncio.get_running_loop()
    threading.Thread(target=wait, args=(loop, stop), daemon=True).start()


def wait(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Waits for the end of standard input."""
    while os.read(0, 4096):
        continue
    loop.call_soon_threadsafe(stop.set)
