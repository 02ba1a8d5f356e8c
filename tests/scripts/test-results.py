#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What tests/scripts/meson-results makes of the outputs that test programs have."""

import json
import pathlib
import subprocess
import sys
import tempfile

READER = pathlib.Path(__file__).resolve().parent / "meson-results"

# result and exit status by meson, output, what is expected: "result name" of each line
ROWS = [
    ("OK", 0, "1..2\nok 1 - test_a\nok 2 - test_b\n", ["pass p/t/test_a", "pass p/t/test_b"]),
    ("FAIL", 1, "1..2\nok 1 - test_a\nnot ok 2 - test_b\n", ["pass p/t/test_a", "fail p/t/test_b"]),
    ("OK", 0, "1..2\nok 1 - test_a\nnot ok 2 # SKIP test_b\n", ["pass p/t/test_a", "skip p/t/test_b"]),
    ("OK", 0, "1..1\nok 1 - test_a # SKIP no tool\n", ["skip p/t/test_a"]),
    ("OK", 0, "", ["pass p/t"]),
    ("FAIL", 2, "it broke\n", ["fail p/t"]),
    ("TIMEOUT", None, "1..2\nok 1 - test_a\n", ["pass p/t/test_a", "fail p/t"]),
    ("SKIP", 77, "no tool\n", ["skip p/t"]),
    ("OK", 0, "skipped: shellcheck: not installed\n", ["pass p/t", "skip p/t/shellcheck"]),
]

failed = 0
for result, status, output, expected in ROWS:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as log:
        log.write(json.dumps({"name": "devbox:unit / t", "result": result, "returncode": status,
                              "stdout": output}) + "\n")
        log.flush()
        lines = subprocess.run([READER, log.name, "p"], capture_output=True, text=True, check=True).stdout
    found = [" ".join(line.split("\t")[:2]) for line in lines.splitlines()]
    if found != expected:
        print(f"{result} {output!r}: {found} instead of {expected}")
        failed = 1
sys.exit(failed)
