# SPDX-License-Identifier: MIT
"""Goal 8: memory after requests, wake-ups without requests."""
import time

import servers
from measure import family, memory, wait_quiet, wakeups, wrk

PATHS = ["/health", "/system", "/services", "/metrics"]
CONNECTIONS = 16
RESTED_SEC = 32  # the sampler and the watch on units rest 30 s after the last question


def ask(port, paths, n):
    """n requests, or a hundredth less: those under way at the end of a slice are not counted."""
    asked = 0
    while asked < 0.99 * n:
        asked += wrk(port, paths, CONNECTIONS, 2, limit=n - asked)["requests"]
    return asked


def after_load(devbox, put, quick):
    devbox.stop()
    devbox.wake()
    asked = 0
    for total in (10**4, 10**5 if quick else 10**6):
        asked += ask(8080, PATHS, total - asked)
        put(kind="memory", server="devbox", when="first" if total == 10**4 else "last", requests=asked,
            **memory(devbox.pids()))


def idle(put, seconds, when, **pids):
    """Wake-ups a second of each of the process families, all at the same time."""
    families = {name: family(pid) for name, pid in pids.items()}
    wait_quiet()
    before = {name: wakeups(family_) for name, family_ in families.items()}
    time.sleep(seconds)
    for name, family_ in families.items():
        n = wakeups(family_) - before[name]
        # one more than whole periods may fall into a window
        put(kind="idle", server=name, when=when, wakeups=n, per_s=n / seconds,
            steps_per_s=max(0, n - 1) / seconds)


def measure(devbox, put, quick):
    devbox.pin(True)
    devbox.configure()
    after_load(devbox, put, quick)

    seconds = 4 if quick else 10
    fastapi = servers.start("fastapi")
    try:
        ask(8081, PATHS[:2], 10**4)
        put(kind="memory", server="fastapi", when="last", requests=10**4, **memory(family(fastapi)))

        servers.ask(8080, "/metrics")
        time.sleep(0.5)
        api, collector = devbox.pids()
        idle(put, seconds, "asked", api=api, collector=collector, fastapi=fastapi)
        time.sleep(RESTED_SEC - seconds)
        idle(put, seconds, "rested", api=api, collector=collector)
    finally:
        servers.stop("fastapi")
