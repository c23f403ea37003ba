"""The demo's steps for a store's chatbot, as a test, so that CI checks what a visitor sees."""

import re

from hookline_local import chatbot, connected, stack
from hookline_local.chatbot import Chatbot
from hookline_local.promises import take


def test_the_demo_keeps_every_promise_to_a_chatbot(running: stack.Stack) -> None:
    """The example prints that a product is sold out, and that an order has finished a conversation."""
    with Chatbot(running, store="chatbot.myshopify.com") as tour:
        for step in (*connected.CONNECTING, *chatbot.STEPS):
            take(tour, step)
    assert tour.failures() == []
    sold_out, finished = (quote.line for quote in tour.quotes)
    assert sold_out == "sold out: Crème Brûlée Ramekins, Set of 4"
    assert re.fullmatch(r"conversation chat_\w+ is finished: order #1002, \d+\.\d\d USD", finished)
