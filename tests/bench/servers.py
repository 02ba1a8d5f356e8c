# SPDX-License-Identifier: MIT
"""What is measured: devbox as its installer leaves it, and the servers beside it, each a row of SERVERS."""
import http.client
import json
import os
import time

from measure import HERE, NICE, SERVER_CPU, main_pid, run

RUN = "/run/systemd/system"
CONFIG = "/etc/devbox/config.yaml"
TOKEN = "a-token-for-the-benchmark-only"
SERVICES = ["docker", "ssh"]  # one that is not there, one that is active
UVICORN = f"/usr/bin/python3 -m uvicorn main:app --app-dir {HERE}/baseline --host 127.0.0.1"

NGINX_CONFIG = """
worker_processes 1;
events { worker_connections 1024; }
http {
    server {
        listen 127.0.0.1:9000 backlog=1024;
        access_log off;
        keepalive_requests 100000000;
        default_type application/json;
        root /run/bench/www;
    }
}
"""

# Goes away between phases: cold starts are those of the units as shipped.
PINNED = f"[Service]\nCPUAffinity={SERVER_CPU}\nNice={NICE}\n"

# "config": keys of devbox's configuration. "command": what else is started, as a transient unit.
SERVERS = {
    "devbox": {"port": 8080, "config": {"cache_ttl_ms": 1000}},
    "devbox, TTL 0": {"port": 8080, "config": {"cache_ttl_ms": 0}},
    "fastapi": {"port": 8081, "user": "devbox", "command": f"{UVICORN} --port 8081"},
    "fastapi, tuned": {"port": 8082, "user": "devbox", "env": {"BASELINE_TTL": "1"},
                       "command": f"{UVICORN} --port 8082 --no-access-log"},
    "nginx": {"port": 9000, "command": "/usr/sbin/nginx -c /run/bench/nginx.conf -g 'daemon off;'"},
    "node_exporter": {"port": 9100, "user": "prometheus", "path": "/metrics",
                      "command": "/usr/bin/prometheus-node-exporter --web.listen-address=127.0.0.1:9100"
                                 " --no-collector.systemd"},
}
BESIDE = [name for name, server in SERVERS.items() if "command" in server]


def ask(port, path="/health", method="GET", **headers):
    """(status, body) of one request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def wait_answer(port, path="/health", seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if ask(port, path)[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.02)
    raise SystemExit(f"http://127.0.0.1:{port}{path} gives no 200")


def restart(port):
    """The restart action; true where it was accepted."""
    return ask(port, "/actions/restart", "POST", **{"X-Devbox-Token": TOKEN})[0] == 202


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def prepare():
    """Once per machine: files, and nothing running that is not measured."""
    write("/run/bench/nginx.conf", NGINX_CONFIG)
    body = '{"status":"ok","service":"devbox","version":"0.1.0","pad":"%s"}'
    write("/run/bench/www/health", body % ("x" * (100 - len(body % ""))))
    write("/run/bench/baseline.yaml", json.dumps({"auth": {"token": TOKEN}, "services": SERVICES}))
    idle = ["nginx", "prometheus", "prometheus-node-exporter", "apt-daily.timer", "apt-daily-upgrade.timer",
            "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer"]
    run("systemctl", "disable", "--now", "-q", *idle, check=False)
    run("sysctl", "-qw", "net.ipv4.ip_local_port_range=10000 65535", check=False)


# ---- the servers beside devbox


def start(name):
    """Starts a server of SERVERS that is not devbox and returns the process id."""
    server = SERVERS[name]
    unit = "bench-" + name.replace(", ", "-")
    settings = [f"CPUAffinity={SERVER_CPU}", f"Nice={NICE}", "LimitNOFILE=8192"]
    settings += [f"User={server['user']}"] if "user" in server else []
    environment = {"BASELINE_CONFIG": "/run/bench/baseline.yaml", **server.get("env", {})}
    command = ["systemd-run", "-q", f"--unit={unit}", *(f"--setenv={k}={v}" for k, v in environment.items())]
    for setting in settings:
        command += ["-p", setting]
    run(*command, "/bin/sh", "-c", f"exec {server['command']}")
    wait_answer(server["port"], server.get("path", "/health"))
    return main_pid(unit)


def stop(name):
    run("systemctl", "stop", "-q", "bench-" + name.replace(", ", "-"), check=False)


# ---- devbox


class Devbox:
    """The installed devbox: its configuration, its processes, its counters."""

    units = ("devbox-api.service", "devbox-collector.service")

    def __init__(self):
        self.configured = None

    def pin(self, pinned):
        """Keeps both services on the servers' CPU, or lets them run as shipped."""
        for unit in self.units:
            drop_in = f"{RUN}/{unit}.d/bench.conf"
            if pinned:
                write(drop_in, PINNED)
            elif os.path.exists(drop_in):
                os.unlink(drop_in)
        run("systemctl", "daemon-reload")
        self.stop()

    def configure(self, services=tuple(SERVICES), cache_ttl_ms=1000):
        """Writes the configuration, and stops both services where it differs from the one they have."""
        text = f'auth:\n  token: "{TOKEN}"\nservices:\n' + "".join(f"  - {name}\n" for name in services)
        text += f"api:\n  cache_ttl_ms: {cache_ttl_ms}\n"
        if text == self.configured:
            return
        self.stop()
        with open(CONFIG, "r+", encoding="utf-8") as file:  # the file stays, and with it owner and mode
            file.truncate()
            file.write(text)
        self.configured = text

    def wake(self):
        """Has both services running, and past the first window of the CPU sampler."""
        for path in ("/health", "/system", "/services", "/metrics"):
            wait_answer(8080, path)

    def stop(self):
        run("systemctl", "stop", "-q", *self.units)

    def pids(self):
        return [main_pid(unit) for unit in self.units]

    @staticmethod
    def counters(component):
        where = (f"org.devbox.{component}1", f"/org/devbox/{component}1", "org.devbox.Component1")
        answer = run("busctl", "--json=short", "call", *where, "GetMetrics")
        return json.loads(answer)["data"][0]
