#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The figures of mesh.py with the kernel's WireGuard, in one boot of one emulated PC: everything is slow
there, so each is worth something only beside what wg(8) takes in the same boot, and none is a goal.

  kernel.py RAW     RAW: a file that gets every figure, a JSON object per line
"""
import json
import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.append(str(TESTS / "system"))

from machine import Machine  # noqa: E402

SOURCE = "/usr/src/devbox"
BUILD = f"{SOURCE}/build-vm"
TARGETS = ("src/mesh/devbox-mesh", "tests/mesh/mesh-fill")


def main():
    with open(sys.argv[1], "a", encoding="utf-8") as raw, Machine("vm", "bookworm+vm") as machine:
        setup = ["meson", "setup", BUILD, SOURCE, "-Doptimization=3"]
        for command in (setup, ["ninja", "-C", BUILD, *TARGETS]):
            for _ in machine.lines(*command):
                pass
        machine.do("stop", "vm")
        for line in machine.lines("python3", "-B", f"{SOURCE}/tests/bench/mesh.py", BUILD, verb="emulate"):
            if not line.startswith("{"):
                continue
            row = json.loads(line)
            print(json.dumps({**row, "kind": row["kind"].replace("mesh-", "kernel-")}), file=raw, flush=True)


main()
