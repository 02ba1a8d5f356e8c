# SPDX-License-Identifier: MIT
"""A device loses its power while a command runs, and at each step of a written file: this kernel's ext4
drops what is in memory, and replays its journal."""

PROGRAMS = ["worker-fs-power", "bus/bus-run-power"]
DAEMONS = [f"src/{name}/devbox-{name}" for name in ("agent", "dispatch", "ledger", "worker")]
