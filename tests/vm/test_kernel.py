# SPDX-License-Identifier: MIT
"""What the other topics rely on: this is the machine where cgroup limits, Landlock and WireGuard work."""

import os
import pathlib
import unittest


class Kernel(unittest.TestCase):
    def test_systemd(self):
        self.assertEqual(pathlib.Path("/proc/1/comm").read_text().strip(), "systemd")

    def test_cgroup_v2(self):
        controllers = pathlib.Path("/sys/fs/cgroup/cgroup.controllers").read_text().split()
        self.assertLessEqual({"cpu", "memory", "pids"}, set(controllers))

    def test_landlock(self):
        self.assertIn("landlock", pathlib.Path("/sys/kernel/security/lsm").read_text().split(","))

    def test_root(self):
        self.assertEqual(os.geteuid(), 0)
