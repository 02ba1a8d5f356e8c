#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""devboxctl as an operator runs it: keys, roots and manifests in a directory of their own.

    test-operator.py DEVBOXCTL SOURCE_DIR
"""

import base64
import json
import os
import pty
import re
import subprocess
import sys
import threading
import time
import unittest

from operator_case import DEVBOXCTL, DISPATCHER, KEY, MANIFEST, OTHER_SEED, SEED, OperatorCase


class Operator(OperatorCase):
    def init(self):
        return self.operator("init", "--key", "-", text=SEED)

    def sign(self, text, *words, output="signed.json", **options):
        return self.run_ctl("manifest", "sign", self.write(text), "--dir", self.home, "--key", "-", "-o",
                            self.dir / output, *words, text=options.pop("seed", SEED), **options)

    # keys and roots

    def test_seed_from_a_password_manager(self):
        self.assertIn("network  home", self.init())
        self.assertEqual(sorted(path.name for path in self.home.iterdir()), ["1.root.json", "root.json"])
        self.assertEqual(self.home.stat().st_mode & 0o777, 0o700)
        self.assertEqual(self.operator("export-pub", "--key", "-", text=SEED).strip(), KEY)

        reading, writing = os.pipe()
        os.write(writing, f" {SEED}\n".encode())
        os.close(writing)
        shown = self.operator("export-pub", "--json", "--key-fd", reading, pass_fds=[reading])
        self.assertEqual(json.loads(shown)["public"], KEY)

    def test_show(self):
        self.operator("init", "--key", "-", "--network", "lab", "--witness", KEY, text=OTHER_SEED)
        shown = json.loads(self.operator("show", "--json"))
        self.assertEqual((shown["network"], shown["version"], shown["epoch"]), ("lab", 1, 1))
        self.assertEqual(shown["roles"]["witness"]["keys"][0]["public"], KEY)
        self.assertRegex(shown["roles"]["root"]["keys"][0]["words"], r"^([a-z]{5}-){5}[a-z]{5}$")
        self.assertIn("witness   1 of 1", self.operator("show"))

    def test_wrong_material(self):
        for seed in ("", "x", SEED[:-4], SEED + "AA", "{}", '{"v":1}', "zz" * 32):
            self.assertIn("standard input", self.operator("init", "--key", "-", text=seed, status=1))
        self.assertFalse((self.home / "root.json").exists())
        self.operator("init", "--key", "-", "--network", "Not A Label", text=SEED, status=2)
        self.operator("init", "--key", "-", "--witness", "00" * 32, text=SEED, status=2)

    def test_nothing_is_overwritten(self):
        self.init()
        before = (self.home / "root.json").read_bytes()
        self.assertIn("there is an operator already", self.operator("init", "--key", "-", text=OTHER_SEED,
                                                                    status=1))
        self.assertEqual((self.home / "root.json").read_bytes(), before)

    def test_key_in_another_place(self):
        self.init()
        self.assertIn("name it with --key", self.operator("rotate", "--keep-key", status=1))
        self.assertIn("cannot read", self.operator("rotate", "--keep-key", "--key", self.dir / "none",
                                                   status=1))

    def converse(self, words, answers):
        """Runs a command on a terminal of its own; returns its status and all output on the terminal."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(DEVBOXCTL, [DEVBOXCTL, *words])
        seen = b""
        while True:
            try:
                more = os.read(terminal, 4096)
            except OSError:
                break
            if not more:
                break
            seen += more
            if answers and seen.endswith(b": "):
                time.sleep(0.05)
                os.write(terminal, answers.pop(0).encode() + b"\n")
                seen += b"\n"
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode()

    def test_passphrase_on_a_terminal(self):
        words = ["operator", "init", "--dir", str(self.home)]
        status, seen = self.converse(words, ["first passphrase", "another one"])
        self.assertEqual(status, 1, seen)
        self.assertIn("the two passphrases differ", seen)
        self.assertFalse((self.home / "operator.key").exists())

        end_of_file = "\x04"
        self.assertIn("no passphrase was given", self.converse(words, [end_of_file])[1])

        status, seen = self.converse(words, ["my long passphrase", "my long passphrase"])
        self.assertEqual(status, 0, seen)
        self.assertNotIn("my long", seen)
        key = self.home / "operator.key"
        self.assertEqual(key.stat().st_mode & 0o777, 0o600)
        self.assertNotIn("my long", key.read_text())

        path = self.write(MANIFEST)
        signing = ["manifest", "sign", str(path), "--dir", str(self.home), "-o", str(self.dir / "m.json")]
        status, seen = self.converse(signing, ["not my passphrase"])
        self.assertEqual(status, 1, seen)
        self.assertIn("wrong passphrase", seen)
        status, seen = self.converse(signing, ["my long passphrase"])
        self.assertEqual(status, 0, seen)
        self.run_ctl("manifest", "verify", self.dir / "m.json", "--root", self.home / "root.json")

    def test_named_pipes(self):
        """A key may come through one; nothing else waits for one."""
        pipe = self.dir / "pipe"
        os.mkfifo(pipe)
        writer = threading.Thread(target=pipe.write_text, args=(SEED,))
        writer.start()
        self.operator("init", "--key", pipe)
        writer.join()
        path = self.write(MANIFEST)
        for words in (["config", "check", pipe], ["manifest", "lint", pipe], ["operator", "show", pipe],
                      ["manifest", "ceiling", path, "--ceiling", pipe], ["audit", "verify", pipe],
                      ["manifest", "verify", path, "--root", pipe]):
            with self.subTest(words):
                self.assertIn("not a regular file", self.run_ctl(*words, status=1))

    def test_short_passphrase(self):
        self.assertIn("at least 8", self.operator("init", "--passphrase-fd", "0", text="short\n", status=1))

    def test_rotate(self):
        self.init()
        self.sign(MANIFEST)
        self.write(OTHER_SEED, "next")
        shown = self.operator("rotate", "--key", "-", "--new-key", self.dir / "next", text=SEED)
        self.assertIn("root     2, epoch 2", shown)
        (self.dir / "all").write_text("".join((self.home / f"{n}.root.json").read_text() for n in (1, 2)))
        self.assertIn("root     2", self.operator("show", self.dir / "all"))

        # a manifest of the epoch before is void, the old key signs nothing, the new one continues
        verify = ["manifest", "verify", "--root", self.dir / "all"]
        self.assertIn("manifest_invalid_signature",
                      self.run_ctl(*verify, self.dir / "signed.json", status=1))
        self.assertIn("manifest_invalid_signature", self.run_ctl(
            "manifest", "verify", "--root", self.home / "2.root.json", self.dir / "signed.json", status=1))
        self.assertIn("does not let this key", self.sign(MANIFEST, status=1))
        self.sign(MANIFEST, "--previous", self.dir / "signed.json", seed=OTHER_SEED, output="second.json")
        self.assertIn("epoch 2, version 1", self.run_ctl(*verify, self.dir / "second.json"))

        # any order will do, and the same root twice; a root left out will not
        for numbers, status in (((2, 1), 0), ((1, 1, 2), 0), ((2, 1, 2), 0), ((3, 1), 1)):
            if 3 in numbers:
                self.operator("rotate", "--keep-key", "--key", "-", text=OTHER_SEED)
            self.write("".join((self.home / f"{n}.root.json").read_text() for n in numbers), "all")
            self.operator("show", self.dir / "all", status=status)

    def test_a_key_that_others_may_read(self):
        self.operator("init", "--passphrase-fd", "0", text="my long passphrase\n")
        key = self.home / "operator.key"
        self.assertNotIn("warning", self.operator("export-pub"))
        for path, mode, command in ((key, 0o640, "chmod 600"), (self.home, 0o755, "chmod 700")):
            before = path.stat().st_mode
            path.chmod(mode)
            output = self.operator("export-pub")
            self.assertIn(f"warning: {path}", output)
            self.assertIn(command, output)
            path.chmod(before)

    def test_roots_beyond_nine(self):
        self.init()
        for _ in range(10):
            self.operator("rotate", "--keep-key", "--key", "-", text=SEED)
        roots = sorted(self.home.glob("*.root.json"))  # 10, 11, 1, 2 … as a shell has them
        path = self.write("".join(root.read_text() for root in roots + roots[:2]), "all")
        self.assertIn("root     11", self.operator("show", path))

    def test_keep_key(self):
        self.init()
        self.assertIn("root     2, epoch 1",
                      self.operator("rotate", "--keep-key", "--witness", KEY, "--key", "-", text=SEED))
        output = self.operator("rotate", "--keep-key", "--key", "-", text=OTHER_SEED, status=1)
        self.assertIn("not name this key", output)

    def test_sealed_rotation(self):
        self.operator("init", "--passphrase-fd", "0", text="the first passphrase\n")
        old = (self.home / "operator.key").read_text()
        self.operator("rotate", "--passphrase-fd", "0", text="the first passphrase\nthe second passphrase\n")
        self.assertEqual((self.home / "1.operator.key").read_text(), old)
        self.assertFalse((self.home / "next.operator.key").exists())
        self.assertNotEqual((self.home / "operator.key").read_text(), old)

    # manifests

    def test_sign_and_verify(self):
        self.init()
        self.sign(MANIFEST)
        verify = ["manifest", "verify", "--dir", self.home]
        self.assertIn("good: laptop, epoch 1, version 1", self.run_ctl(*verify, self.dir / "signed.json"))
        self.assertIn("/usr/bin/ls -- (PATH in home)",
                      self.run_ctl("manifest", "show", self.dir / "signed.json"))

        # what is one word does not look like two, nor like another
        turned = MANIFEST.replace('["--", {path', '["-a b", {path').replace("bin/ls", "bin/\u202etxt")
        (self.dir / "turned.yaml").write_text(turned)
        self.assertIn('/usr/bin/???txt "-a b" (PATH in home)',
                      self.run_ctl("manifest", "show", self.dir / "turned.yaml"))

        signed = json.loads((self.dir / "signed.json").read_text())
        payload = base64.b64decode(signed["payload"])
        signed["payload"] = base64.b64encode(payload.replace(b"/usr/bin/ls", b"/usr/bin/sh")).decode()
        forged = self.write(json.dumps(signed), "forged.json")
        self.assertIn("manifest_invalid_signature", self.run_ctl(*verify, forged, status=1))

    def test_versions(self):
        self.init()
        self.sign(MANIFEST)
        self.sign(MANIFEST, "--previous", self.dir / "signed.json", output="second.json")
        shown = json.loads(self.run_ctl("manifest", "show", "--json", self.dir / "second.json"))
        self.assertEqual(shown["version"], 2)
        self.assertEqual(len(shown["prev_sha256"]), 64)
        self.assertIn("version must be 3", self.sign(MANIFEST + "version: 2\n", "--previous",
                                                     self.dir / "second.json", status=1))
        self.assertIn("epoch is 7", self.sign(MANIFEST + "epoch: 7\n", status=1))

    def test_the_end_of_a_device(self):
        self.init()
        ended = MANIFEST + "version: 2147483647\n"
        self.assertIn("must have no dispatchers and no capabilities", self.sign(ended, status=1))
        head = re.sub(r"dispatchers:\n.*?(?=^\w)", "dispatchers: []\n", ended, flags=re.M | re.S)
        ended = re.sub(r"capabilities:\n.*?(?=^\w)", "capabilities: []\n", head, flags=re.M | re.S)
        self.sign(ended)
        self.assertIn("it ends the device", self.run_ctl("manifest", "show", self.dir / "signed.json"))
        self.assertIn("for the next epoch run: devboxctl operator rotate", self.sign(
            MANIFEST, "--previous", self.dir / "signed.json", output="next.json", status=1))

    def test_expires_once(self):
        self.init()
        self.sign(MANIFEST, "--expires", "1d")
        self.assertIn(":1: expires_at is set here", self.sign(f"expires_at: 30d\n{MANIFEST}", "--expires",
                                                              "1d", status=1))

    def test_values_of_the_file_are_kept(self):
        self.init()
        self.assertIn("would be lost", self.sign(MANIFEST, output="manifest.yaml", status=1))
        self.assertEqual((self.dir / "manifest.yaml").read_text(), MANIFEST)

    def test_faults_have_lines(self):
        for edit, expected in (
                (("approval: none", "aproval: none"), ":15: unknown key 'aproval'; did you mean 'approval"),
                (("approval: none", "approval: never"), ":15: capabilities[0].approval is not one of"),
                (("/usr/bin/ls", "usr/bin/ls"), ":16: capabilities[0].bin must be an absolute path"),
                (("name: shell.exec", "name: shell.Exec"), ":13: this names no known capability"),
                (("root: home}", "root: hone}"), "has a path in a root that it does not define"),
                (('argv: ["--"', 'argv: ["a\u200bb", "--"'),
                 ":17: capabilities[0].argv[0].lit must not have invisible"),
                (("id: ls", "id: L S"), ":14: capabilities[0].id must be a-z, 0-9, '.', '_' and '-'"),
                (("not_after: 30d", "not_after: soon"), ":8: not_after must be a date"),
                (("device: laptop", "device: Laptop"), ":1: device must be a-z, 0-9 and inner hyphens"),
                (("approvers: []", "approvers: {}"), ":5: approvers must be a list"),
                (("id: ls", "id: ls\n    timeout_s: '10'"), ":15: timeout_s must be a whole number"),
                (("id: ls", "id: ls\n    timeout_s: 99999"), ":15: capabilities[0].timeout_s is out of"),
                (("operators:", "device: again\noperators:"), "this key is already on line 1"),
        ):
            with self.subTest(edit):
                path = self.write(MANIFEST.replace(*edit))
                self.assertIn(f"{path}", self.run_ctl("manifest", "lint", path, status=1))
                self.assertIn(expected, self.run_ctl("manifest", "lint", path, status=1))

    def test_lint(self):
        self.init()
        exec_of = "    bin: /usr/bin/ls\n"
        rows = (
            ("/usr/bin/find", "shell"), ("/usr/bin/python3.11", "shell"), ("/usr/bin/tar", "shell"),
            ("/usr/bin/tee", "writes"), ("/home/ana/tool", "place"), ("/usr/bin/env", "shell"),
        )
        for program, rule in rows:
            with self.subTest(program):
                text = MANIFEST.replace(exec_of, f"    bin: {program}\n")
                output = self.run_ctl("manifest", "lint", self.write(text), status=1)
                self.assertIn(f":13: ls: ", output)
                self.assertIn(f"[{rule}]", output)
                self.assertIn("not signed", self.sign(text, status=1))

                accepted = text.replace("    id: ls\n", "    id: ls\n    accept_risk: a spare machine\n")
                self.sign(accepted)
                self.assertIn("RISK ACCEPTED: a spare machine",
                              self.run_ctl("manifest", "show", self.dir / "signed.json"))

        pinned = MANIFEST.replace(exec_of, "    bin: /usr/bin/find\n").replace(
            '["--", {path: {root: home}}]', '["/home", {enum: ["-name", "-type"]}]')
        self.assertIn(": ok", self.run_ctl("manifest", "lint", self.write(pinned)))

    def test_all_faults_in_one_run(self):
        text = MANIFEST.replace("device: laptop", "device: Laptop").replace("id: ls", "id: L S").replace(
            "@ana:example.org", "ana")
        text += "  - {name: fs.read, id: r, approval: none, roots: []}\n"
        lines = self.run_ctl("manifest", "lint", self.write(text), status=1).splitlines()
        self.assertEqual(len(lines), 4, lines)
        for line, part in zip(lines, (":1: device must", ":4: operators[0].mxid must",
                                      ":14: capabilities[0].id must", ":18: capabilities[1].roots ")):
            self.assertIn(part, line)
        document = json.loads(self.run_ctl("manifest", "lint", "--json", self.write(text), status=1))
        self.assertEqual(document["error"]["message"].count("\n"), 3)

        text = text.replace("not_after: 30d", "not_after: soon").replace(
            "approval: none\n    bin", "aproval: none\n    bin")
        said = self.run_ctl("manifest", "lint", self.write(text), status=1)
        self.assertEqual(re.findall(r"yaml:(\d+): ", said), ["1", "4", "8", "15", "18"], said)

        top = self.write("capabilities: [shell.exec, shell.Exec]\nprogams: []\nread: [home, /srv, srv]\n",
                         "top")
        said = self.run_ctl("manifest", "ceiling", self.write(MANIFEST), "--ceiling", top, status=1)
        self.assertEqual(re.findall(r"top:(\d+): (\S+)", said), [
            ("1", "capabilities[1]"), ("2", "unknown"), ("3", "read[0]"), ("3", "read[2]")], said)

    def test_lint_in_colour(self):
        text = MANIFEST.replace("/usr/bin/ls", "/usr/bin/find").replace(
            "id: ls", "id: ls\n    timeout_s: 3")
        words = ["manifest", "lint", str(self.write(text))]
        os.environ |= {"TERM": "xterm", "NO_COLOR": ""}
        seen = self.converse(words, [])[1]
        self.assertIn("\x1b[1;31m", seen)
        self.assertNotIn("\x1b", self.run_ctl(*words, status=1))
        for variable, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
            before = os.environ[variable]
            os.environ[variable] = value
            self.assertNotIn("\x1b", self.converse(words, [])[1])
            os.environ[variable] = before

    def lint(self, capability, *roots, status=1):
        head = MANIFEST[:MANIFEST.index("roots:")]
        text = head + "roots:\n" + "".join(f"  - {{name: r{i}, path: {path}}}\n"
                                           for i, path in enumerate(roots)) + "capabilities:\n" + capability
        return self.run_ctl("manifest", "lint", self.write(text), status=status)

    def test_lint_places(self):
        write = "  - {name: fs.write, id: w, approval: none, roots: [r0]}\n"
        for path, rule in (("/", "system"), ("/var", "system"), ("/var/spool/cron", "system"),
                           ("/usr/lib64", "system"), ("/opt", "system"), ("/var/lib/devbox", "system"),
                           ("/home", "home"), ("/home/ana", "home"), ("/home/ana/.ssh", "home")):
            self.assertIn(f"[{rule}]", self.lint(write, path))
        self.assertIn(": ok", self.lint(write, "/home/ana/inbox", status=0))

        program = "  - {name: shell.exec, id: x, approval: none, bin: /srv/tools/x, argv: []}\n"
        self.assertIn("[replaces]", self.lint(write + program, "/srv"))
        self.assertIn(": ok", self.lint(write + program, "/srv/data", status=0))

        read = "  - {name: fs.read, id: r, approval: none, roots: [r0]}\n"
        for path in ("/", "/etc", "/root", "/proc"):
            self.assertIn("note: r: keys and passwords", self.lint(read, path, status=0))
        self.assertNotIn("[secrets]", self.lint(read, "/var/log", status=0))

    def test_lint_units(self):
        for unit in ("multi-user.target", "devbox-ledger.service"):
            self.assertIn("[unit]", self.lint(
                f"  - {{name: service.restart, id: s, approval: message, units: [{unit}]}}\n"))

    def test_lint_programs(self):
        line = "  - {{name: shell.exec, id: x, approval: none, bin: {}, argv: {}}}\n"
        flags = '[{many: {of: {enum: ["-exec", "rm"]}, min: 0, max: 9}}]'
        self.assertIn("[shell]", self.lint(line.format("/usr/bin/find", flags)))
        self.assertIn(": ok", self.lint(line.format("/usr/bin/find", '[{enum: ["-name"]}]'), status=0))
        self.assertIn("[shell]", self.lint(
            line.format("/usr/lib64/ld-linux-x86-64.so.2", "[{path: {root: r0}}]"), "/srv"))
        self.assertIn("does it start programs or write files? [unknown]",
                      self.lint(line.format("/usr/local/bin/backup", "[]"), status=0))

    def test_lint_keys_of_examples(self):
        known = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"  # RFC 8032, 7.1
        self.assertIn("[example-key]", self.run_ctl("manifest", "lint",
                                                    self.write(MANIFEST.replace(KEY, known)), status=1))

    def test_dated_ahead(self):
        self.init()
        text = MANIFEST + "issued_at: 2096-01-01\nexpires_at: 2096-02-01\n"
        self.assertIn("issued in the future", self.run_ctl("manifest", "lint", self.write(text), status=1))
        self.assertIn("not signed", self.sign(text, status=1))
        self.sign(MANIFEST + "issued_at: 10s\n")  # within the skew

    def test_duplicate_keys(self):
        self.init()
        for one, other in ((DISPATCHER, KEY),
                           ("attesters: []", f"attesters: [{{pub: {KEY}, not_after: 30d}}]"),
                           ("approvers: []", f'approvers: [{{mxid: "@a:b", pub: {DISPATCHER}}}]')):
            text = MANIFEST.replace(one, other)
            self.assertIn("key of", self.run_ctl("manifest", "lint", self.write(text), status=1))
            self.assertIn("twice", self.sign(text, status=1))

    def test_empty_lists(self):
        self.init()
        for scope in ("capabilities: []", "capabilities:", "capabilities:\n    #  - ls"):
            text = MANIFEST.replace("not_after: 30d", "not_after: 30d\n    " + scope)
            self.assertIn(":9: dispatchers[0].capabilities must not be empty", self.sign(text, status=1))
        self.sign(MANIFEST.replace("approvers: []", "approvers:  # none"))

    def test_ceiling(self):
        path = self.write(MANIFEST)
        ceiling = self.write("capabilities: [shell.exec]\nprograms: [/usr/bin/df]\nread: [/home]\n", "top")
        check = ["manifest", "ceiling", path, "--ceiling", ceiling]
        self.assertIn(":13: capabilities[0] (ls) names a program beyond the ceiling",
                      self.run_ctl(*check, status=1))
        ceiling.write_text("capabilities: [shell.exec]\nprograms: [/usr/bin/ls]\nread: [/homes]\n")
        self.assertIn("a directory beyond the ceiling", self.run_ctl(*check, status=1))
        ceiling.write_text("capabilities: [shell.exec]\nprograms: [/usr/bin/ls]\nread: [/home]\n")
        self.run_ctl(*check)
        two = self.write(MANIFEST + "  - {name: fs.read, id: r, approval: none, roots: [home]}\n",
                         "two.yaml")
        ceiling.write_text("capabilities: []\n")
        for verb in "ceiling", "lint":
            said = self.run_ctl("manifest", verb, two, "--ceiling", ceiling, status=1)
            self.assertIn(":13: ", said)
            self.assertIn(":18: ", said)
        elsewhere = self.write(MANIFEST.replace("    bin:", "    cwd: /srv\n    bin:"), "elsewhere.yaml")
        ceiling.write_text(self.run_ctl("manifest", "ceiling", "--print", elsewhere))
        self.run_ctl("manifest", "ceiling", elsewhere, "--ceiling", ceiling)
        self.assertIn(f"does not exist, so no manifest is allowed; for one that just holds this manifest, "
                      f"run: devboxctl manifest ceiling --print {path}\n",
                      self.run_ctl("manifest", "ceiling", path, "--ceiling", self.dir / "absent", status=1))

    def test_diff(self):
        old = self.write(MANIFEST, "old.yaml")
        new = self.write(MANIFEST.replace("approval: none", "approval: reaction").replace(
            "dispatchers:", "dispatchers: # the hub"), "new.yaml")
        output = self.run_ctl("manifest", "diff", old, new, status=1)
        self.assertIn('- capabilities[ls].approval: "none"\n'
                      '+ capabilities[ls].approval: "reaction"\n', output)
        self.assertNotIn("device", output)
        changes = json.loads(self.run_ctl("manifest", "diff", "--json", old, new, status=1))["changes"]
        self.assertIn({"path": "capabilities[ls].approval", "old": '"none"', "new": '"reaction"'}, changes)
        self.assertEqual(self.run_ctl("manifest", "diff", old, old), "")

        # a time is a date for a person, and what is signed for a program
        for name, day in (("old", "2027-01-01"), ("new", "2027-02-01")):
            self.write(MANIFEST.replace("not_after: 30d", f"not_after: {day}"), f"{name}.yaml")
        output = self.run_ctl("manifest", "diff", old, new, status=1)
        self.assertRegex(output, r"^- dispatchers\[.*\]\.not_after: 2027-01-01 00:00:00 UTC\n"
                               r"\+ .*: 2027-02-01 00:00:00 UTC\n$")
        changes = json.loads(self.run_ctl("manifest", "diff", "--json", old, new, status=1))["changes"]
        self.assertEqual(changes[0]["new"], "1801440000000")

    # usage

    def test_arguments_are_sanitised(self):
        path = self.write(MANIFEST, "a\x1b]0;b\u202e\n.yaml")
        wild = "x\x1b[2J\x9by"
        for words, status in ((["manifest", "lint", path], 0), (["manifest", "lint", wild], 1),
                              (["manifest", "verify", path, "--dir", wild], 1),
                              (["manifest", "diff", wild, path], 1), (["operator", "show", wild], 1),
                              (["operator", "export-pub", "--key", wild], 1), (["operator", wild], 2),
                              (["config", "check", wild], 1), ([wild], 2), ([f"--{wild}"], 2)):
            output = self.run_ctl(*words, status=status)
            self.assertIsNone(re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", output), repr(output))
            self.assertNotIn("\n.yaml", output)
        self.assertEqual(json.loads(self.run_ctl("operator", "show", wild, "--json", status=1))
                         ["error"]["message"].count("\x1b"), 1)

    def test_usage(self):
        for words in (["operator"], ["operator", "dance"], ["manifest", "sign"],
                      ["audit", "verify", "x", "y"],
                      ["manifest", "lint", "x", "--follow"],
                      ["operator", "show", "--dir", "a", "--dir", "b"]):
            self.run_ctl(*words, status=2)
        self.assertIn("did you mean 'manifest verify'", self.run_ctl("manifest", "verfy", "x", status=2))
        self.assertIn("--previous FILE", self.run_ctl("manifest", "--help"))
        self.assertNotIn("--previous FILE", self.run_ctl("manifest", "lint", "--help"))

    def test_a_full_disk_behind_the_output(self):
        for words in (["manifest", "show", self.write(MANIFEST)], ["--version"], ["-V"], ["--help"],
                      ["help"], ["operator", "--help"], ["help", "manifest", "sign"],
                      ["manifest", "sign", "-h"]):
            with self.subTest(words), open("/dev/full", "w") as full:
                done = subprocess.run([DEVBOXCTL, *words], stdout=full, stderr=subprocess.PIPE, text=True)
                self.assertEqual(done.returncode, 1)
                self.assertIn("cannot write to standard output", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
