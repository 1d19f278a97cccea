"""A real client that judges the cluster: judge.py LIBRARY HOST PORT.

Prints one line of JSON after each act and waits for a line on stdin before the next: the test changes the cluster in
between. Acts: 1. every slot is written and read; 2. the same after a failover that the client has not been told of;
3. writes go on, round after round, until the test says on stdin that the killed primary is replaced.
Any value that is not the last acknowledged one ends it with an error.
"""

import binascii
import json
import sys
import threading
import time

from client import connect, count_redirects, mget_across_slots

SLOTS = 16384
BATCH = 1024
ROUND_KEYS = 256
GIVE_UP_S = 30
TURN_S = 120


def slot_of(key):
    """CRC16 (XMODEM) of the key: not the library's own arithmetic."""
    return binascii.crc_hqx(key.encode(), 0) % SLOTS


def key_for_every_slot():
    keys, number = {}, 0
    while len(keys) < SLOTS:
        keys.setdefault(slot_of(f"key:{number}"), f"key:{number}")
        number += 1
    return [keys[slot] for slot in range(SLOTS)]


def batches(items):
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))


def check(found, expected, what):
    wrong = [(want, got) for want, got in zip(expected, found, strict=True) if want != got]
    if wrong:
        raise SystemExit(f"{what}: {len(wrong)} of {len(expected)} wrong, first (expected, found): {wrong[0]}")


def tell(**facts):
    print(json.dumps(facts), flush=True)


def wait_for_turn():
    line = []
    reader = threading.Thread(target=lambda: line.append(sys.stdin.readline()), daemon=True)
    reader.start()
    reader.join(TURN_S)
    if not line or line[0] == "":
        raise SystemExit(f"nobody said on stdin within {TURN_S} s that it goes on")


def all_slots(library, client, keys, mark):
    """One command a key, and then in pipelines, and then by MGET over many slots."""
    for key in keys:
        client.set(key, f"{mark}:{key}")
    expected = [f"{mark}:{key}" for key in keys]
    check([client.get(key) for key in keys], expected, "GET")
    found = []
    for batch in batches(keys):
        pipeline = client.pipeline()
        for key in batch:
            pipeline.get(key)
        found.extend(pipeline.execute())
    check(found, expected, "GET in a pipeline")
    spread = keys[::16]
    check(mget_across_slots(library, client, spread), expected[::16], "MGET across slots")
    return len(found)


def hash_tags(client):
    """Keys of one tag are one slot: MSET, MGET and a pipeline of many of them."""
    for number in range(100):
        tagged = {f"{{user:{number}}}:{field}": f"{field} of {number}" for field in ("name", "city", "mail")}
        client.mset(tagged)
        check(client.mget(list(tagged)), list(tagged.values()), "MGET with a hash tag")
    return 100


def retrying(work, errors):
    """What every caller of a cluster client does while a node is away; the errors are counted and the wait is bounded."""
    from redis.exceptions import RedisError

    give_up = time.monotonic() + GIVE_UP_S
    while True:
        try:
            return work()
        except RedisError as error:
            errors[type(error).__name__] = errors.get(type(error).__name__, 0) + 1
            if time.monotonic() > give_up:
                raise
            time.sleep(0.05)


def write_until_told(client, keys):
    """Rounds of writes to all shards; ends one whole round after the word on stdin."""
    told = threading.Event()

    def listen():
        sys.stdin.readline()
        told.set()

    threading.Thread(target=listen, daemon=True).start()
    chosen = keys[:: SLOTS // ROUND_KEYS]
    errors, rounds, longest = {}, 0, 0.0
    give_up = time.monotonic() + TURN_S
    last = False
    while not last:
        if time.monotonic() > give_up:
            raise SystemExit(f"nobody said within {TURN_S} s that the cluster is healed")
        last = told.is_set()
        rounds += 1
        for key in chosen:
            began = time.monotonic()
            retrying(lambda key=key: client.set(key, f"round:{rounds}"), errors)
            longest = max(longest, time.monotonic() - began)
        if rounds == 1:
            tell(act="writing")
    found = [retrying(lambda key=key: client.get(key), errors) for key in chosen]
    check(found, [f"round:{rounds}"] * len(chosen), "after the kill")
    return {"rounds": rounds, "keys": len(chosen), "errors": errors, "longest_s": round(longest, 3)}


def main(library, host, port):
    redirects = count_redirects(library)
    client = connect(library, host, int(port))
    keys = key_for_every_slot()
    read = all_slots(library, client, keys, "first")
    tell(act="slots", slots=read, tags=hash_tags(client), redirects=redirects())
    wait_for_turn()
    before = redirects()
    read = all_slots(library, client, keys, "second")
    tell(act="moved", slots=read, tags=hash_tags(client), redirects=redirects() - before)
    wait_for_turn()
    facts = write_until_told(client, keys)
    untouched = [key for index, key in enumerate(keys) if index % (SLOTS // ROUND_KEYS) != 0]
    check([client.get(key) for key in untouched], [f"second:{key}" for key in untouched], "older keys")
    tell(act="healed", slots=len(untouched) + facts["keys"], **facts)


main(*sys.argv[1:])
