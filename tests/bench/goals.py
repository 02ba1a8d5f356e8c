#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The fourteen goals as one table: which figure, beside which, and by how much. What depends on the speed
of the machine is a ratio to a figure of the same run; alone are only counts, memory, and times that people
wait.

  goals.py RAW     prints the table of the figures in RAW, a JSON object per line
"""
import json
import operator
import statistics
import sys
from collections import namedtuple

# ours and theirs find a figure in the rows of a run; theirs may be a plain number.
Goal = namedtuple("Goal", "number text unit ours theirs wanted limit")
Verdict = namedtuple("Verdict", "goal ours theirs ratio reached")
COMPARE = {">=": operator.ge, "<=": operator.le, "=": operator.eq, ">": operator.gt}


def of(kind, key, choose=statistics.median, **wanted):
    """The figure `key` of the rows that match, as one number. None matches: it was not measured."""

    def find(rows):
        values = [row[key] for row in rows
                  if row["kind"] == kind and all(row.get(k) == v for k, v in wanted.items())]
        return choose(values) if values else None

    return find


def http(key, server, path, connections, keep_alive=True):
    """From the best round: what else runs on a machine only takes away, and only delays."""

    best = {"ok_per_s": max, "p99_us": min}.get(key, max)

    def find(rows):
        cell = [row for row in rows if row["kind"] == "http" and
                (row["server"], row["path"], row["connections"], row["keep_alive"]) ==
                (server, path, connections, keep_alive)]
        return best(row[key] for row in cell) if cell else None

    return find


def rates(path, connections, beside, server="devbox", **options):
    """Answers per second of devbox and of the server beside it."""
    return tuple(http("ok_per_s", name, path, connections, **options) for name in (server, beside))


def p99s(path, connections, beside):
    return tuple(http("p99_us", name, path, connections) for name in ("devbox", beside))


def times(kind, key="us", **wanted):
    return tuple(of(kind, key, server=name, **wanted) for name in ("devbox", "fastapi"))


def memory(key):
    return tuple(of("memory", key, server=name, when="last") for name in ("devbox", "fastapi"))


def total(*finds):
    def find(rows):
        values = [each(rows) for each in finds]
        return None if None in values else sum(values)

    return find


def failures(connections):
    cell = ("devbox", "/health", connections, False)
    return total(http("bad", *cell), http("socket_errors", *cell))


def differs(what):
    return of("semantics", "difference", what=what)


def verified(form, checks="hashes"):
    """From the best round, as with http()."""
    return of("verify", "entries_per_s", max, form=form, checks=checks)


HASHED = of("hash", "mib_per_s", max)  # by one core
PING = of("call", "p50_us", min, method="Ping")  # of the collector
DURABLE = total(of("sync", "mean_us"), of("hop", "mean_us"))  # fdatasync, and an empty call of the ledger


def time_to_hash(kib):
    def find(rows):
        mib_per_s = HASHED(rows)
        return mib_per_s and kib / 1024 / mib_per_s * 1e6

    return find


def wakes(key, when, server):
    return of("idle", key, when=when, server=server)


ALONE = None  # nothing beside it: the figure itself is compared
def mesh(kind, key, peers, **wanted):
    return of(f"mesh-{kind}", key, peers=peers, **wanted)


def kernel(kind, key, peers, **wanted):
    return of(f"kernel-{kind}", key, peers=peers, **wanted)


def of_hub(service):
    return mesh("hub", "pss_kib", 253, service=service)


def command(way, key="p50_us"):
    """Of ls on a device."""
    return of("run", key, way=way)


def output(key, way="devbox", choose=max):
    """Of 64 MiB on a device."""
    return of("output", key, choose, way=way)


def cpu_of_output(way, tunnel):
    """Of the tunnel's processes, where it is in user space, or of all others."""

    def find(rows):
        rows = [row for row in rows if row["kind"] == "cpu" and row["way"] == way]
        names = {(row["where"], row["process"]) for row in rows if (row["process"] == "wireguard") == tunnel}
        return sum(of("cpu", "us_per_mib", way=way, where=where, process=name)(rows)
                   for where, name in names)

    return find


def decrypted(way):
    """From the best round, as with http()."""
    return of("decrypt", "per_s", max, way=way)


def decrypting(way):
    """CPU time of a message, the same."""

    def find(rows):
        values = [row["cpu_us"] / row["events"] for row in rows
                  if row["kind"] == "decrypt" and row["way"] == way]
        return min(values) if values else None

    return find


def many_rooms(key):
    """Of devbox-matrix, with nothing to do."""
    return of("rest", key, max, rooms=500)


def storm(key):
    """Of commands and answers while the bot and Synapse are killed."""
    return of("storm", key, max)


def service(name):
    return of("service", "pss_kib", service=name)


OWN_UNITS = {"way": "devbox", "units": 10}

GOALS = [
    Goal(1, "/health c=16 beside nginx", "/s", *rates("/health", 16, "nginx"), ">=", 1),
    Goal(1, "/health c=64 beside nginx", "/s", *rates("/health", 64, "nginx"), ">=", 1),
    Goal(1, "/health c=16 beside FastAPI", "/s", *rates("/health", 16, "fastapi"), ">=", 8),
    Goal(1, "/health c=64 beside FastAPI", "/s", *rates("/health", 64, "fastapi"), ">=", 8),
    Goal(1, "/health c=64, p99, beside FastAPI", "µs", *p99s("/health", 64, "fastapi"), "<=", 0.3),

    Goal(2, "/health, a connection each, c=16, beside nginx", "/s",
         *rates("/health", 16, "nginx", keep_alive=False), ">=", 0.8),
    Goal(2, "/health, a connection each, c=64, beside nginx", "/s",
         *rates("/health", 64, "nginx", keep_alive=False), ">=", 0.8),
    Goal(2, "/health, a connection each, c=16, beside FastAPI", "/s",
         *rates("/health", 16, "fastapi", keep_alive=False), ">=", 2.5),
    Goal(2, "/health, a connection each, c=64, beside FastAPI", "/s",
         *rates("/health", 64, "fastapi", keep_alive=False), ">=", 2.5),
    Goal(2, "errors of these", "", total(failures(16), failures(64)), ALONE, "=", 0),

    Goal(3, "/system c=16 beside our /health", "/s", http("ok_per_s", "devbox", "/system", 16),
         http("ok_per_s", "devbox", "/health", 16), ">=", 0.85),
    Goal(3, "/system c=16 beside FastAPI", "/s", *rates("/system", 16, "fastapi"), ">=", 20),
    Goal(3, "/system c=1, TTL 0, beside FastAPI", "/s",
         *rates("/system", 1, "fastapi", "devbox, TTL 0"), ">=", 1.3),

    Goal(4, "/services c=16 beside FastAPI", "/s", *rates("/services", 16, "fastapi"), ">=", 300),
    Goal(4, "/services c=1, TTL 0, beside FastAPI", "/s",
         *rates("/services", 1, "fastapi", "devbox, TTL 0"), ">=", 15),

    Goal(5, "refreshes of /services per TTL, c=64", "",
         of("refreshes", "refreshes_per_ttl", max, path="/services"), ALONE, "<=", 1),
    Goal(5, "/services c=64, p99, beside FastAPI with a cache", "µs",
         *p99s("/services", 64, "fastapi, tuned"), "<=", 0.05),

    Goal(6, "calls to PID 1 per refresh of 10 units", "", of("units", "calls", **OWN_UNITS), ALONE, "=", 1),
    Goal(6, "CPU of it beside 10 x is-active", "µs",
         of("units", "cpu_us", **OWN_UNITS), of("units", "cpu_us", way="systemctl"), "<=", 0.01),
    Goal(6, "CPU of it beside a refresh of 1 unit", "µs",
         of("units", "cpu_us", **OWN_UNITS), of("units", "cpu_us", way="devbox", units=1), "<=", 2),
    Goal(6, "a unit's change seen in /services, p99, beside an empty call", "µs",
         of("change", "p99_us"), PING, "<=", 300),

    Goal(7, "GetSystem beside an empty call, p50", "µs",
         of("call", "p50_us", min, method="GetSystem"), PING, "<=", 1.5),
    Goal(7, "D-Bus calls per cache miss", "", of("refreshes", "calls_per_miss", max), ALONE, "=", 1),
    Goal(7, "D-Bus calls for cache hits", "", of("refreshes", "calls_beyond_misses", max), ALONE, "=", 0),

    Goal(8, "PSS after all requests, API and collector", "KiB", *memory("pss_kib"), "<=", 1 / 5),
    Goal(8, "private dirty, the same", "KiB", *memory("dirty_kib"), "<=", 1 / 12),
    Goal(8, "RSS after all requests beside after 10⁴", "KiB",
         *(of("memory", "rss_kib", server="devbox", when=when) for when in ("last", "first")), "<=", 1.05),
    Goal(8, "wake-ups of the API after requests", "/s", wakes("per_s", "asked", "api"), ALONE, "<=", 0),
    Goal(8, "wake-ups of the collector, the same", "/s",
         wakes("steps_per_s", "asked", "collector"), ALONE, "<=", 1),
    Goal(8, "wake-ups of both, 30 s without requests", "/s",
         total(wakes("per_s", "rested", "api"), wakes("per_s", "rested", "collector")), ALONE, "<=", 0),

    Goal(9, "exec to first 200", "µs", *times("exec"), "<=", 1 / 12),
    Goal(9, "cold /health, hardened units", "µs",
         *times("activation", path="/health", when="cold"), "<=", 0.5),
    Goal(9, "cold /services, the collector as well", "µs",
         *times("activation", path="/services", when="cold"), "<=", 0.5),
    Goal(9, "warm /health, a connection each", "µs",
         *times("activation", path="/health", when="warm"), "<=", 0.6),
    Goal(9, "refused in restarts under load", "", of("restart", "refused", server="devbox"), ALONE, "=", 0),
    Goal(9, "longest outage of a restart", "µs", *times("restart", "longest_gap_us"), "<=", 0.1),

    Goal(10, "promtool: exit code and lines", "",
         total(of("promtool", "exit_code"), of("promtool", "lines")), ALONE, "=", 0),
    Goal(10, "/metrics c=1 beside node_exporter", "/s", *rates("/metrics", 1, "node_exporter"), ">=", 30),
    Goal(10, "psutil: cpu_percent differs by", "points", differs("cpu_percent"), ALONE, "<=", 2),
    Goal(10, "psutil: mem.percent differs by", "points", differs("mem.percent"), ALONE, "<=", 0.1),
    Goal(10, "psutil: disk.percent differs by", "points", differs("disk.percent"), ALONE, "<=", 0.1),
    Goal(10, "psutil: mem.total, disk.total differ by", "B",
         total(differs("mem.total"), differs("disk.total")), ALONE, "=", 0),
    Goal(10, "psutil: uptime_seconds differs by", "s", differs("uptime_seconds"), ALONE, "<=", 1),
    Goal(10, "first cpu_percent under load", "%",
         of("semantics", "value", what="first cpu_percent"), ALONE, ">", 0),

    Goal(11, "audit verify, hashes, of exported lines, beside MiB hashed", "/s",
         verified("lines"), HASHED, ">=", 600),
    Goal(11, "audit verify, hashes, of a binary export, the same", "/s",
         verified("binary"), HASHED, ">=", 600),
    Goal(11, "audit verify, hashes, of the database, the same", "/s",
         verified("database"), HASHED, ">=", 600),
    Goal(11, "audit verify, all checks, of exported lines, the same", "/s",
         verified("lines", "all"), HASHED, ">=", 250),
    Goal(11, "a durable entry beside fdatasync and an empty call", "µs",
         of("append", "mean_us"), DURABLE, "<=", 3),
    Goal(11, "signature of a request of 1 KiB beside hashing 64 KiB", "µs",
         of("signature", "verify_us"), time_to_hash(64), "<=", 0.7),
    Goal(11, "PSS of the ledger, enrolled, at rest", "KiB",
         of("memory", "pss_kib", server="ledger", when="rested"), ALONE, "<=", 3072),

    Goal(12, "revoke to read-back, 10 peers, p99", "µs",
         mesh("revoke", "p99_us", 10, what="elapsed"), ALONE, "<=", 50000),
    Goal(12, "the same, 10 000 peers, p50, beside wg set and wg show", "µs",
         *(mesh("revoke", "p50_us", 10000, what=what) for what in ("elapsed", "wg")), "<=", 2),
    Goal(12, "start to in sync, 10 000 peers, beside wg setconf", "µs",
         mesh("start", "us", 10000, link="new"), mesh("setconf", "us", 10000), "<=", 2),
    Goal(12, "dump and difference, 10 000 peers, CPU", "µs",
         mesh("rest", "poll_us", 10000), ALONE, "<=", 100000),
    Goal(12, "PSS of devbox-mesh, 253 peers", "KiB", mesh("rest", "pss_kib", 253), ALONE, "<=", 6144),
    Goal(12, "its CPU at rest, a poll a second, 253 peers", "%",
         mesh("rest", "cpu_percent", 253), ALONE, "<=", 0.5),
    Goal(12, "PSS of it, ledger, collector and API, 253 peers", "KiB",
         total(*map(of_hub, ("mesh", "ledger", "collector", "api"))), ALONE, "<=", 12288),
    Goal(12, "the same with devbox-dispatch, see 13", "KiB",
         total(*map(of_hub, ("mesh", "ledger", "collector", "api", "dispatch"))), ALONE, "<=", 12288 + 6144),
    Goal(12, "claims of one invitation that were answered", "", of("mesh-claims", "answered"), ALONE,
         "<=", 1),
    Goal(12, "invitation to the first answer in the tunnel", "µs", of("mesh-join", "us"), ALONE, "<=", 3e6),

    Goal(13, "run of ls on a device, p50", "µs", command("devbox"), ALONE, "<=", 200000),
    Goal(13, "the same, p95", "µs", command("devbox", "p95_us"), ALONE, "<=", 400000),
    Goal(13, "the same, p50, beside systemd-run on the device", "µs", command("devbox"),
         command("systemd-run"), "<=", 1.5),
    Goal(13, "the same, p50, beside ssh in the same tunnel", "µs", command("devbox"), command("ssh"), "<=",
         1),
    Goal(13, "the same, p50, beside the start of the sandbox", "µs", command("devbox"), command("sandbox"),
         "<=", 2),
    Goal(13, "first byte of 64 MiB of output", "µs", output("first_us", choose=statistics.median), ALONE,
         "<=", 250000),
    Goal(13, "64 MiB of output beside ssh in the same tunnel", "MB/s", output("mb_per_s"),
         output("mb_per_s", "ssh"), ">=", 1),
    Goal(13, "the same beside TCP alone in the tunnel", "MB/s", output("mb_per_s"),
         of("tunnel", "mb_per_s", max), ">=", 1),
    Goal(13, "the same over loopback, without a tunnel", "MB/s", of("pipeline", "mb_per_s", max, mib=64),
         ALONE, ">=", 100),
    Goal(13, "CPU per MiB of it, of all but the tunnel, beside the tunnel's alone", "µs",
         cpu_of_output("devbox", False), cpu_of_output("tunnel", True), "<=", 1 / 3),
    Goal(13, "growth of the largest service meanwhile", "KiB", of("growth", "kib", max), ALONE, "<=", 1024),
    Goal(13, "cancel to the end of the last process, p99", "µs", of("cancel", "p99_us"), ALONE, "<=",
         100000),
    Goal(13, "revoke to the end of the last process", "µs", of("revocation", "us"), ALONE, "<=", 2000000),
    Goal(13, "sockets that 10 000 connections in 10 s end", "", of("connections", "inactive"), ALONE,
         "=", 0),
    Goal(13, "requests that run of 50 devices that were away", "/s", of("drain", "per_s", devices=50), ALONE,
         ">=", 10),
    Goal(13, "PSS of devbox-agent at rest", "KiB", service("home-wsl agent"), ALONE, "<=", 3072),
    Goal(13, "PSS of devbox-dispatch at rest", "KiB", service("hub dispatch"), ALONE, "<=", 6144),

    Goal(14, "messages that a client could not decrypt", "", storm("unreadable"), ALONE, "=", 0),
    Goal(14, "messages that a client did not show", "", storm("missed"), ALONE, "=", 0),
    Goal(14, "messages that Element warned of", "", storm("warned"), ALONE, "=", 0),
    Goal(14, "commands that were lost", "", storm("lost"), ALONE, "=", 0),
    Goal(14, "commands that were executed twice", "", storm("twice"), ALONE, "=", 0),
    Goal(14, "a message to its visible answer from a sandbox, p50", "µs", of("chat", "p50_us"), ALONE, "<=",
         400000),
    Goal(14, "the same, p99", "µs", of("chat", "p99_us"), ALONE, "<=", 1.5e6),
    Goal(14, "PSS of devbox-matrix, 500 rooms, 60 devices", "KiB", many_rooms("pss_kib"), ALONE, "<=",
         20480),
    Goal(14, "its start to the first long poll, the same", "µs", many_rooms("start_us"), ALONE, "<=", 1e6),
    Goal(14, "its wake-ups in a long poll", "", many_rooms("wakes"), ALONE, "=", 0),
    Goal(14, "messages received and stored beside matrix-nio on libolm", "/s", decrypted("devbox"),
         decrypted("nio 0.25"), ">=", 2),
    Goal(14, "the same beside matrix-nio on vodozemac", "/s", decrypted("devbox"), decrypted("nio 0.26"),
         ">", 0),
    Goal(14, "the same beside decryption by libolm alone", "/s", decrypted("devbox"), decrypted("libolm"),
         ">=", 0.6),
    Goal(14, "CPU time of each beside libolm's", "µs", decrypting("devbox"), decrypting("libolm"), "<=",
         1.5),
]

# What is timed in an emulated PC is no goal: only a ratio within one boot. Rows of [what, ours, theirs].
EMULATED = [
    *((f"{text}, {n} peers, beside wg set and wg show",
       *(kernel("revoke", "p50_us", n, what=each) for each in (what, "wg")))
      for n in (10, 10000)
      for text, what in (("revoke to read-back", "elapsed"), ("the same with its client", "call"))),
    ("start to in sync, 10000 peers, beside wg setconf",
     kernel("start", "us", 10000, link="new"), kernel("setconf", "us", 10000)),
    ("dump and difference, 10000 peers, beside wg show dump",
     kernel("rest", "poll_us", 10000), kernel("dump", "us", 10000)),
]


def judge(rows):
    for goal in GOALS:
        ours, theirs = goal.ours(rows), goal.theirs(rows) if goal.theirs else None
        if ours is None or (goal.theirs and not theirs):
            yield Verdict(goal, ours, theirs, None, None)
            continue
        ratio = ours / theirs if goal.theirs else ours
        yield Verdict(goal, ours, theirs, ratio, COMPARE[goal.wanted](round(ratio, 4), round(goal.limit, 4)))


def short(value):
    """Three digits or all before the point; figures of one run are no more exact."""
    if value is None:
        return "–"
    if value == int(value) or value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def lines_of(rows):
    yield ["goal", "what", "devbox", "beside", "ratio", "wanted", "reached"]
    yield None
    for goal, ours, theirs, ratio, reached in judge(rows):
        figures = [f"{short(v)} {goal.unit}".strip() if v is not None else "" for v in (ours, theirs)]
        shown = short(ratio) if goal.theirs else ""
        word = {True: "yes", False: "**no**", None: "not measured"}[reached]
        yield [str(goal.number), goal.text, *figures, shown, f"{goal.wanted} {short(goal.limit)}", word]


def table(rows):
    """Markdown, one line per figure, legible as it is."""
    lines = list(lines_of(rows))
    widths = [max(len(line[i]) for line in lines if line) for i in range(len(lines[0]))]
    for line in lines:
        line = line or ["-" * width for width in widths]
        cells = [f"{text:<{width}}" if i in (1, 6) else f"{text:>{width}}"
                 for i, (text, width) in enumerate(zip(line, widths))]
        yield f"| {' | '.join(cells)} |"


def summary(rows):
    reached = [verdict.reached for verdict in judge(rows)]
    missed = sorted({v.goal.number for v in judge(rows) if v.reached is False})
    text = f"{reached.count(True)} of {len(reached)} figures reach their goal"
    if None in reached:
        text += f", {reached.count(None)} were not measured"
    return text + (f"; missed in goal {', '.join(map(str, missed))}." if missed else ".")


def machine(rows):
    """What bounds the figures of the ledger, and is no merit or fault of devbox."""
    bare, entry, hashed = of("sync", "mean_us")(rows), of("append", "mean_us")(rows), HASHED(rows)
    if None in (bare, entry, hashed):
        return []
    return [f"A write of 4 KiB and fdatasync took {short(bare)} µs, a durable entry {short(entry)} µs.",
            f"One core hashed {short(hashed)} MiB/s."]


def emulated(rows):
    for text, ours, theirs in EMULATED:
        if ours(rows) is not None and theirs(rows):
            yield f"With the kernel's WireGuard, emulated: {text}: {short(ours(rows) / theirs(rows))}."


def described(rows):
    for row in rows:
        if row["kind"] == "machine":
            yield f"{row['cpu']}; Linux {row['kernel']}; {row['system']}: {row['versions']}."
            yield "A quick run, of fewer rounds and requests." if row["quick"] else ""
        if row["kind"] == "others":
            cpus = row["cpus"] or [0]
            yield f"Others used {statistics.median(cpus):.2f} CPU in the median, {max(cpus):.2f} at most."


def main():
    with open(sys.argv[1], encoding="utf-8") as raw:
        rows = [json.loads(line) for line in raw]
    print("\n".join(table(rows)))
    print("", summary(rows), *machine(rows), *emulated(rows), *filter(None, described(rows)), sep="\n")


if __name__ == "__main__":
    main()
