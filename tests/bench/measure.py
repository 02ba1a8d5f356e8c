# SPDX-License-Identifier: MIT
"""Measurements: CPU time, memory and wake-ups of processes, a quiet machine, load, one probe.

Servers run on CPU 0 and what asks them on CPU 1, both at a nice value of -15, so that others disturb little.
The CPU time that they still took is counted ("noise", in CPUs) and kept with each figure.
"""
import json
import os
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PROBE = "/run/bench/probe"
TICK = os.sysconf("SC_CLK_TCK")
SERVER_CPU, CLIENT_CPU = 0, 1
NICE = -15
QUIET = 0.15  # CPUs in use by others that pass for quiet
QUIET_WAIT_SEC = 6

others_seen = []  # CPUs that others used right before each measurement

# wrk calls done() at its end: its own report has neither the 99th percentile nor machine-readable units.
# PATHS are requested in turn; after LIMIT requests no further one is sent.
LUA = """
local asked, texts = 0, {}
function init(args)
  for _, path in ipairs({%(paths)s}) do texts[#texts + 1] = wrk.format("GET", path) end
end
function request()
  asked = asked + 1
  if asked == %(limit)d then wrk.thread:stop() end
  return texts[asked %% #texts + 1]
end
function done(summary, latency)
  local e = summary.errors
  io.stderr:write(string.format(
    '{"requests":%%d,"us":%%d,"p50_us":%%d,"p99_us":%%d,"max_us":%%d,"bad":%%d,"socket_errors":%%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    e.status, e.connect + e.read + e.write + e.timeout))
end
"""


def run(*argv, check=True, **options):
    """Runs a command to its end and returns its output; a command that fails ends the benchmark."""
    command = [str(argument) for argument in argv]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, **options)
    if check and done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout.strip()


def probe(*argv, user=None, cpu=CLIENT_CPU):
    """One verb of probe.c."""
    as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
    return json.loads(run("nice", "-n", NICE, "taskset", "-c", cpu, *as_user, PROBE, *argv))


# ---- processes


def family(pid):
    """A process and all that descends from it."""
    found = [pid]
    for parent in found:
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{task}/children", encoding="ascii") as file:
                    found += map(int, file.read().split())
        except OSError:
            pass  # it ended meanwhile
    return found


def main_pid(unit):
    pid = int(run("systemctl", "show", "-P", "MainPID", unit))
    if not pid:
        raise SystemExit(f"{unit} is not running")
    return pid


def side_pids():
    """Who works for a server without being its child: PID 1, the bus, the journal."""
    return [1, main_pid("dbus.service"), main_pid("systemd-journald.service")]


def cpu_seconds(pids):
    """CPU time, with that of children that ended; 10 ms steps."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                total += sum(map(int, file.read().rpartition(")")[2].split()[11:15]))
        except OSError:
            pass
    return total / TICK


def ran_usec(pids):
    """CPU time to the nanosecond, without children."""
    total = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
    return total / 1e3


def wakeups(pids):
    """How often the threads slept of their own will and were woken again."""
    total = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/status", encoding="utf-8") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("voluntary"))
    return total


def memory(pids):
    """KiB: resident, its proportional share, private and written to."""
    keys = {"Rss": "rss_kib", "Pss": "pss_kib", "Private_Dirty": "dirty_kib"}
    sums = dict.fromkeys(keys.values(), 0)
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
            for line in file:
                key = keys.get(line.split(":")[0])
                if key:
                    sums[key] += int(line.split()[1])
    return sums


# ---- the machine


def busy_seconds():
    """CPU time used on all CPUs by all processes: /proc/stat is of the host, in a container too."""
    with open("/proc/stat", encoding="ascii") as file:
        values = list(map(int, file.readline().split()[1:9]))
    return (sum(values) - values[3] - values[4]) / TICK


def wait_quiet():
    """Waits until other processes are idle, and records how busy they still were."""
    deadline = time.monotonic() + QUIET_WAIT_SEC
    others = QUIET + 1
    while others > QUIET and time.monotonic() < deadline:
        before = busy_seconds()
        time.sleep(0.25)
        others = (busy_seconds() - before) / 0.25
    others_seen.append(others)


# ---- load


def wrk(port, paths, connections, seconds, keep_alive=True, limit=0):
    """Requests the paths in turn, for so long; sends no more than `limit` requests if that is not 0."""
    script = "/run/bench/load.lua"
    with open(script, "w", encoding="ascii") as file:
        file.write(LUA % {"paths": ",".join(f'"{p}"' for p in paths), "limit": limit})
    command = ["nice", "-n", NICE, "taskset", "-c", CLIENT_CPU, "wrk", "-s", script, "--timeout", "10s"]
    command += ["-t1", f"-c{connections}", f"-d{seconds}s"]
    command += [] if keep_alive else ["-H", "Connection: close"]
    url = f"http://127.0.0.1:{port}/"
    done = subprocess.run([*map(str, command), url], capture_output=True, text=True, check=True)
    return json.loads(done.stderr.strip().splitlines()[-1])


def load(pids, **asked):
    """wrk on the server that consists of pids and their children, and what it cost: one row of figures."""
    ours, side = [each for pid in pids for each in family(pid)], side_pids()
    wait_quiet()
    busy, client = busy_seconds(), sum(os.times()[2:4])
    server, others = cpu_seconds(ours), cpu_seconds(side)

    row = wrk(**asked)

    server, others = cpu_seconds(ours) - server, cpu_seconds(side) - others
    known = server + others + sum(os.times()[2:4]) - client
    seconds, requests = row["us"] / 1e6, max(1, row["requests"])
    row["ok_per_s"] = round((row["requests"] - row["bad"]) / seconds, 1)
    row["cpu_us"] = round((server + others) / requests * 1e6, 2)
    row["noise"] = round(max(0.0, busy_seconds() - busy - known) / seconds, 3)
    return row
