# SPDX-License-Identifier: MIT
"""Goals 1 to 4, and the speed of /metrics: requests per second, latency and CPU time, servers in turn."""
import servers
from measure import load

# path, connections, keep-alive, servers
CELLS = [
    ("/health", 16, True, ["devbox", "fastapi", "fastapi, tuned", "nginx"]),
    ("/health", 64, True, ["devbox", "fastapi", "nginx"]),
    ("/health", 16, False, ["devbox", "fastapi", "nginx"]),
    ("/health", 64, False, ["devbox", "fastapi", "nginx"]),
    ("/system", 16, True, ["devbox", "fastapi", "fastapi, tuned"]),
    ("/services", 16, True, ["devbox", "fastapi", "fastapi, tuned"]),
    ("/services", 64, True, ["devbox", "fastapi, tuned"]),
    ("/metrics", 1, True, ["devbox", "node_exporter"]),
    ("/system", 1, True, ["devbox, TTL 0", "fastapi"]),
    ("/services", 1, True, ["devbox, TTL 0", "fastapi"]),
]


def measure(devbox, put, quick):
    """A round visits every cell, so that noise falls on all alike; goals.py takes the best round of each."""
    devbox.pin(True)
    pids = {name: servers.start(name) for name in servers.BESIDE}
    try:
        for turn in range(1 if quick else 3):
            for path, connections, keep_alive, names in CELLS:
                for name in names:
                    server = servers.SERVERS[name]
                    if "config" in server:
                        devbox.configure(**server["config"])
                        devbox.wake()
                    asked = {"port": server["port"], "paths": [path], "connections": connections,
                             "seconds": 1, "keep_alive": keep_alive}
                    watched = devbox.pids() if "config" in server else [pids[name]]
                    put(kind="http", server=name, path=path, connections=connections, keep_alive=keep_alive,
                        turn=turn, **load(watched, **asked))
    finally:
        for name in pids:
            servers.stop(name)
