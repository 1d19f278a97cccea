"""What both Python programs do, whatever the client: orders are written for some seconds, then counted."""

import json
import os
import sys
import time

SECONDS = float(os.environ.get("SECONDS", "5"))
# Longer than a failover: five seconds of node timeout, an election, twenty more seconds where that one fails, and another.
RETRY_SECONDS = 60
PAUSE_SECONDS = 0.1

NODES = [node.rsplit(":", 1) for node in os.environ.get("REDIS_NODES", "127.0.0.1:7000").split(",")]
PASSWORD = os.environ.get("REDISCLI_AUTH")
# Connections of one process to one node.
POOL_SIZE = 20

retries = 0


def keys_of(order):
    """Both keys of an order are in one slot: only what is in braces decides."""
    return "order:{%d}:items" % order, "order:{%d}:total" % order


def retried(work, errors):
    """Repeats what may be repeated until it works, for the time that a failover may take."""
    global retries
    end = time.monotonic() + RETRY_SECONDS
    while True:
        try:
            return work()
        except errors:
            if time.monotonic() > end:
                raise
            retries += 1
            time.sleep(PAUSE_SECONDS)


def run(client, errors, mget):
    """`mget` gets keys of any slots. Ends with 1 where something is missing."""
    end = time.monotonic() + SECONDS
    orders = 0
    while time.monotonic() < end:
        items, total = keys_of(orders)

        def write(order=orders, items=items, total=total):
            client.sadd(items, "tea:%d" % order, "cake:%d" % order)
            client.set(total, order * 2)

        retried(write, errors)
        orders += 1
    totals = retried(lambda: mget([keys_of(order)[1] for order in range(orders)]), errors)
    wrong = [order for order in range(orders) if totals[order] != str(order * 2)]
    for order in range(0, orders, 10):
        items, total = keys_of(order)
        # One slot, so one command may have several of its keys.
        if retried(lambda: client.mget([total, total]), errors) != [str(order * 2)] * 2:
            wrong.append(order)
        if retried(lambda: client.scard(items), errors) != 2:
            wrong.append(order)
    print(json.dumps({"orders": orders, "wrong": len(wrong), "retries": retries}))
    sys.exit(1 if wrong or orders == 0 else 0)
