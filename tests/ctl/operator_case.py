# SPDX-License-Identifier: MIT
"""What the tests of devboxctl's operator commands share: a directory, and the program run in it."""

import base64
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

DEVBOXCTL = sys.argv[1]
SEED = base64.b64encode(bytes(range(32))).decode()
OTHER_SEED = bytes(range(1, 33)).hex()
DISPATCHER = "79b5562e8fe654f94078b112e8a98ba7901f853ae695bed7e0e3910bad049664"  # of OTHER_SEED
KEY = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"  # of SEED
MANIFEST = f"""device: laptop
dev_pub: {KEY}
operators:
  - mxid: "@ana:example.org"
approvers: []
dispatchers:
  - pub: {DISPATCHER}
    not_after: 30d
attesters: []
roots:
  - {{name: home, path: /home}}
capabilities:
  - name: shell.exec
    id: ls
    approval: none
    bin: /usr/bin/ls
    argv: ["--", {{path: {{root: home}}}}]
"""


class OperatorCase(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.dir = pathlib.Path(self.temporary.name)
        self.home = self.dir / "operator"

    def run_ctl(self, *words, status=0, text=None, **options):
        """Without a bus. Returns standard output and error."""
        options.setdefault("env", os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"})
        result = subprocess.run([DEVBOXCTL, *map(str, words)], input=text, capture_output=True, text=True,
                                timeout=60, **options)
        self.assertEqual(result.returncode, status, f"{words}: {result.stdout}{result.stderr}")
        return result.stdout + result.stderr

    def operator(self, *words, **options):
        return self.run_ctl("operator", *words, "--dir", self.home, **options)

    def write(self, text, name="manifest.yaml"):
        path = self.dir / name
        path.write_text(text)
        return path
