#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every program, each an argument, prints its version and its help, and fails when they are lost."""

import os
import subprocess
import sys

failed = 0
for program in sys.argv[1:]:
    for option in ("--version", "--help"):
        done = subprocess.run([program, option], stdout=subprocess.PIPE, text=True)
        if done.returncode != 0 or os.path.basename(program) not in done.stdout:
            print(f"{program} {option}: exit status {done.returncode}, prints {done.stdout!r}")
            failed = 1
        with open("/dev/full", "w") as full:
            lost = subprocess.run([program, option], stdout=full, stderr=subprocess.DEVNULL).returncode
        if lost != 1:
            print(f"{program} {option} > /dev/full: exit status {lost}")
            failed = 1
sys.exit(failed)
