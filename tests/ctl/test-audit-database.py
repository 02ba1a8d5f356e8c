#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""devboxctl audit with databases that were tampered with, or that a ledger is writing.

    test-audit-database.py DEVBOXCTL SOURCE_DIR
"""

import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

DEVBOXCTL, SOURCE = sys.argv[1], pathlib.Path(sys.argv[2])
PIPE_BYTES = 64 * 1024


def schema():
    """The SQL of all migrations, from the table in the source."""
    text = (SOURCE / "src/audit/ledger-database.c").read_text()
    table = re.sub(r"/\*.*?\*/", "", text[text.index("migrations[] = {"):text.index("};")], flags=re.DOTALL)
    sql = "".join(re.findall(r'"(.*?)"', table))
    version = len(re.findall(r'",\n', table))
    return sql + f"PRAGMA application_id = 0x44425831; PRAGMA user_version = {version};"


class Audit(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.dir = pathlib.Path(temporary.name)
        self.path = self.dir / "ledger.db"
        self.database = sqlite3.connect(self.path)
        self.addCleanup(self.database.close)
        self.run_sql(schema())

    def run_sql(self, sql):
        self.database.executescript(sql)
        self.database.commit()

    def audit(self, *words, status):
        result = subprocess.run([DEVBOXCTL, "audit", *map(str, words), "--db", str(self.path)],
                                capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, status, f"{words}: {result.stdout}{result.stderr}")
        return result.stdout + result.stderr

    def add_own(self, n):
        self.run_sql("INSERT INTO state VALUES('device', 'laptop'), ('chain_id', zeroblob(16)),"
                     " ('checkpoint', 'a statement');")
        insert = "INSERT INTO audit VALUES(?, zeroblob(32), 0, 9, zeroblob(1000), zeroblob(32))"
        self.database.executemany(insert, ((i,) for i in range(n)))
        self.database.commit()

    def test_all_of_an_empty_database(self):
        self.assertIn("holds no chain", self.audit("verify", "--all", status=1))

    def test_chain_without_an_enrolment(self):
        self.add_own(2)
        self.audit("verify", "--all", status=6)
        self.run_sql("DELETE FROM state WHERE key = 'device'")
        self.assertIn("no chain of its own device", self.audit("verify", status=1))
        self.assertIn("(not enrolled): BROKEN", self.audit("verify", "--all", status=6))
        self.run_sql("INSERT INTO replica(device, chain_id, device_key, head)"
                     " VALUES('dev-a', zeroblob(16), zeroblob(32), zeroblob(32))")
        output = self.audit("verify", "--all", status=6)
        self.assertRegex(output, r"(?s)\(not enrolled\): BROKEN.*dev-a: UNWITNESSED")

    def test_reading_leaves_no_files(self):
        """Of a database that no ledger has open, with a WAL from a crash or without."""
        self.run_sql("PRAGMA journal_mode = WAL")
        self.add_own(3)
        for files in {"ledger.db", "ledger.db-wal"}, {"ledger.db"}:
            with self.subTest(files=files):
                for name in files:
                    shutil.copy(self.dir / name, self.dir / f"copy-{name}")
                self.path = self.dir / "copy-ledger.db"
                before = sorted(self.dir.iterdir())
                output = self.audit("verify", status=6), self.audit("export", status=0)
                self.assertIn("BROKEN at entry 0", output[0])
                self.assertEqual(len(output[1].splitlines()), 4)
                self.assertEqual(sorted(self.dir.iterdir()), before)
            for name in files:
                (self.dir / f"copy-{name}").unlink()
            self.database.close()  # which removes the WAL

    def test_other_tables(self):
        self.run_sql("ALTER TABLE evidence RENAME TO old; CREATE TABLE evidence(digest BLOB, envelope TEXT)")
        for verb in "verify", "show", "export":
            self.assertIn("nor a ledger's database", self.audit(verb, status=1))

    def test_statements_are_exported_before_entries(self):
        self.add_own(2 * PIPE_BYTES // 1000)
        statements = self.dir / "statements"
        with subprocess.Popen([DEVBOXCTL, "audit", "export", "--db", self.path, "--checkpoints", statements],
                              stdout=subprocess.PIPE) as export:
            deadline = time.monotonic() + 60
            # The pipe is not read, so it cannot reach the last entry.
            while not statements.exists() or not statements.read_text():
                self.assertLess(time.monotonic(), deadline, "no statement while entries wait")
                time.sleep(0.01)
            self.assertEqual(statements.read_text(), "a statement\n")
            self.assertGreater(len(export.stdout.read()), PIPE_BYTES)
        self.assertEqual(export.returncode, 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
