#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""devboxctl audit as it reads an exported file, one that still grows among them. tests/second writes it.

    test-audit.py DEVBOXCTL SOURCE_DIR
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

DEVBOXCTL, SOURCE = sys.argv[1], pathlib.Path(sys.argv[2])
sys.path.append(str(SOURCE / "tests/second"))
sys.dont_write_bytecode = True

import auditor
import second

DEVICE, CHAIN_ID = "dev-a", bytes(range(16))
DEADLINE_SEC = 60  # for what does not happen at all


def chain(size):
    entries, prev = [], second.genesis_prev(DEVICE)
    for seq in range(size):
        kind, body = (9, b'{"session":"%032d"}' % seq) if seq else (0, b'{"device":"dev-a"}')
        entry = {"seq": seq, "ts": 1760000000000 + seq, "type": kind, "body": body, "prev": prev}
        entry["hash"] = prev = second.entry_hash(CHAIN_ID, seq, prev, entry["ts"], kind, body)
        entries.append(entry)
    return entries


ENTRIES = chain(9)
# The head of a file and its entries, in each form.
FORMS = {form: (head(DEVICE, CHAIN_ID), [write(entry) for entry in ENTRIES])
         for form, (head, write) in auditor.FORMS.items()}
LINES = FORMS["lines"][1]


class Audit(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.path = pathlib.Path(temporary.name) / "chain"

    def append(self, data):
        with open(self.path, "ab") as file:
            file.write(data)

    def start(self, *words):
        process = subprocess.Popen([DEVBOXCTL, "audit", "tail", "-f", "--json", "--db", self.path, *words],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def until(self, condition):
        deadline = time.monotonic() + DEADLINE_SEC
        while not condition():
            self.assertLess(time.monotonic(), deadline, "it does not happen")
            time.sleep(0.01)

    def has_read_all(self, process):
        """Whether it has read to the end of the file: no test waits for a time."""
        folder = pathlib.Path(f"/proc/{process.pid}")
        for link in (folder / "fd").iterdir():
            if os.readlink(link) == str(self.path):
                position = (folder / "fdinfo" / link.name).read_text().split()[1]
                return int(position) == self.path.stat().st_size
        return False

    def assert_prints(self, process, lines):
        self.assertEqual([process.stdout.readline() for _ in lines], lines)

    def test_show_requests(self):
        """Who asked for what with which arguments, and who approved it."""
        digest, request = "0" * 64, "01K75A3Q000000000000000001"
        bodies = [(0, {"device": DEVICE}), (5, {
            "request_id": request, "request_sha256": digest, "capability": "shell.exec", "entry": "ls-home",
            "mxid": "@ana:hs.example", "args": {"argv": ["/usr/bin/ls", "--", "/ho\u202eme"]},
            "args_sha256": digest, "manifest": {"epoch": 1, "version": 7, "sha256": digest},
            "approvals": [{"approver": "@bob:hs.example", "approval_msg_id": "$vote", "tier": "message",
                           "sha256": digest},
                          {"approver": "@eve:hs.example", "tier": "signed", "sha256": digest}]})]
        self.path.write_bytes(auditor.format_head(DEVICE, CHAIN_ID))
        prev = second.genesis_prev(DEVICE)
        for seq, (kind, body) in enumerate(bodies):
            entry = {"seq": seq, "ts": 1760000000000, "type": kind, "prev": prev,
                     "body": json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()}
            entry["hash"] = prev = second.entry_hash(CHAIN_ID, seq, prev, entry["ts"], kind, entry["body"])
            self.append(auditor.format_entry(entry))
        said = subprocess.check_output([DEVBOXCTL, "audit", "show", "--db", self.path], text=True)
        self.assertIn(' ls-home @ana:hs.example {"argv":["/usr/bin/ls","--","/ho???me"]} approved by '
                      f"@bob:hs.example (message, $vote), @eve:hs.example (signed) {request}\n", said)

    def test_wrong_values_of_options(self):
        for words, complaint in (
            (["audit", "show", "-n", "x"], "-n takes "),
            (["audit", "show", "--lines", "-1"], "--lines takes "),
            (["audit", "export", "--format", "xml"], "--format takes "),
            (["operator", "init", "--threshold", "0"], "--threshold takes "),
            (["device", "enroll", "--name", "A_b"], "--name takes "),
            (["device", "enroll", "--chain", "00"], "--chain takes "),
        ):
            with self.subTest(words):
                done = subprocess.run([DEVBOXCTL, *words], capture_output=True, text=True)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(f"devboxctl: {complaint}", done.stderr)
                self.assertIn(f", not '{words[-1]}'; see: devboxctl help {words[0]} {words[1]}\n",
                              done.stderr)

    def test_checkpoints_without_any(self):
        head, records = FORMS["lines"]
        self.path.write_bytes(head + b"".join(records))
        empty = self.path.with_name("checkpoints")
        for text in ("", "\n \n"):
            empty.write_text(text)
            done = subprocess.run([DEVBOXCTL, "audit", "verify", self.path, "--hash-only", "--checkpoints",
                                   empty], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertEqual(done.stderr, f"devboxctl: {empty} is empty: it has no checkpoint\n")

    def test_tail_waits_for_the_rest(self):
        for form, (head, records) in FORMS.items():
            with self.subTest(form):
                self.path.write_bytes(head + b"".join(records[:4]))
                tail = self.start("-n", "2")
                self.assert_prints(tail, LINES[2:4])
                self.append(records[4])
                self.assert_prints(tail, LINES[4:5])

                part = len(records[5]) // 2
                for piece in (records[5][:part], records[5][part:-1]):
                    self.append(piece)
                    self.until(lambda: self.has_read_all(tail))
                self.append(records[5][-1:] + records[6] + records[7][:1])
                self.assert_prints(tail, LINES[5:7])
                self.append(records[7][1:])
                self.assert_prints(tail, LINES[7:8])
                self.assertIsNone(tail.poll())

    def test_tail_begins_within_an_entry(self):
        head, records = FORMS["lines"]
        self.path.write_bytes(head + records[0] + records[1][:40])
        tail = self.start()
        self.assert_prints(tail, LINES[:1])
        self.append(records[1][40:])
        self.assert_prints(tail, LINES[1:2])

    def test_tail_ends_at_a_malformed_entry(self):
        head, records = FORMS["lines"]
        self.path.write_bytes(head + records[0])
        tail = self.start()
        self.assert_prints(tail, LINES[:1])
        self.append(b"{}\n")
        self.assertIn(b"cannot be read on after entry 0", tail.stdout.read())
        self.assertEqual(tail.wait(DEADLINE_SEC), 1)

    def test_tail_ends_with_its_reader(self):
        head, records = FORMS["lines"]
        self.path.write_bytes(head + records[0])
        tail = self.start()
        self.assert_prints(tail, LINES[:1])
        tail.stdout.close()
        self.assertEqual(tail.wait(DEADLINE_SEC), 0)

    def test_malformed_chains(self):
        self.append(b"hello\n")
        for words in (["show"], ["verify", "--all"]):
            done = subprocess.run([DEVBOXCTL, "audit", *words, "--db", self.path], capture_output=True,
                                  text=True)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, r"(is neither an exported chain|which .* is not)[^:]*\n$")

    def test_verify_names_its_file_once(self):
        head, records = FORMS["lines"]
        self.path.write_bytes(head + b"".join(records))
        for words, status in [
            ([self.path], 6),  # its genesis records no key
            (["--db", self.path], 6),
            (["--hash-only", self.path], 6),
            ([self.path, "--db", self.path], 2),
            ([self.path, self.path], 2),
            ([self.path, "--device", DEVICE, "--all"], 2),
        ]:
            with self.subTest(words=words):
                done = subprocess.run([DEVBOXCTL, "audit", "verify", *words], capture_output=True)
                self.assertEqual(done.returncode, status, done.stderr)

    def test_show_from(self):
        for form, (head, records) in FORMS.items():
            self.path.write_bytes(head + b"".join(records))
            for words, wanted in [
                ([], LINES),
                (["--from", "3"], LINES[3:]),
                (["--from", "3", "-n", "2"], LINES[3:5]),
                (["--from", "8"], LINES[8:]),
                (["--from", "9"], []),
            ]:
                with self.subTest(form, words=words):
                    shown = subprocess.check_output([DEVBOXCTL, "audit", "show", "--json", "--db", self.path,
                                                    *words])
                    self.assertEqual(shown, b"".join(wanted))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
