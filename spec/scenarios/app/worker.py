"""Acts while it leads, and keeps a journal of that, as the candidate of spec/lab does.

Its argument says how it knows that it leads: `always`, the default, because something else starts and ends it;
`leader`, by the status of the sidecar's /leader; `name`, as programs beside contrib's sidecar do.
"""

import json
import os
import signal
import socket
import sys
import time
import uuid
from urllib.request import urlopen

how = sys.argv[1] if len(sys.argv) > 1 else "always"
container = os.environ.get("CONTAINER", "main")
pod = os.environ.get("POD_NAME", socket.gethostname())
run = f"{pod}.{container}.{uuid.uuid4()}"
folder = os.environ.get("JOURNAL")
journal = open(f"{folder}/{run}.jsonl", "a") if folder else sys.stdout
stopping = False


def now_ms():
    return time.monotonic_ns() / 1e6


def say(event, **more):
    who = {"pod": pod, "uid": os.environ.get("POD_UID", pod), "run": run}
    entry = {"event": event, **who, "atMs": now_ms(), "time": time.time() * 1e3, **more}
    journal.write(json.dumps(entry) + "\n")
    journal.flush()


def leads():
    if how == "always":
        return True
    try:
        path = "leader" if how == "leader" else ""
        with urlopen(f"http://localhost:4040/{path}", timeout=1) as answer:
            return how == "leader" or json.load(answer)["name"] == socket.gethostname()
    except OSError:
        return False


def on_sigterm(*_):
    global stopping
    say("sigterm")
    stopping = os.environ.get("ON_SIGTERM") != "ignore"


signal.signal(signal.SIGTERM, on_sigterm)
say("start")
acting = False
while not stopping:
    # Before it asks: however long it stalls in between, it did not act later than it might.
    at_ms = now_ms()
    if leads():
        token = os.environ.get("LEADER_FENCING_TOKEN")
        more = {} if acting or token is None else {"fencingToken": token}
        say("heartbeat" if acting else "leading", atMs=at_ms, **more)
        acting = True
    elif acting:
        say("lost")
        acting = False
    time.sleep(0.02)
say("exit")
