#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The help of every command: its options, an example that parses, exit statuses, and a manual that names it.

    test-help.py DEVBOXCTL SOURCE_DIR
"""

import pathlib
import re
import shlex
import subprocess
import sys
import unittest

DEVBOXCTL, SOURCE = (pathlib.Path(word).resolve() for word in sys.argv[1:])
MANUALS = {path.stem: path.read_text(encoding="utf-8") for path in SOURCE.glob("man/devboxctl*.1")}
SHARED = [MANUALS["devboxctl"], MANUALS["devboxctl-operator"]]  # options of many commands


def devboxctl(*arguments):
    return subprocess.run([DEVBOXCTL, *arguments], capture_output=True, text=True, timeout=60)


def commands():
    """The words of each command, as --help lists them: those in lower case at the beginning of a line."""
    listing = devboxctl("--help").stdout.split("Commands:\n")[1].split("\n\n")[0]
    for line in listing.splitlines():
        words = re.match(r"  ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)?)(?:  | [A-Z\[]|$)", line)
        if words:
            yield words.group(1).split()


class Help(unittest.TestCase):
    def test_every_command(self):
        found = [words for words in commands() if words != ["help"]]
        self.assertGreater(len(found), 40)
        for words in found:
            with self.subTest(" ".join(words)):
                answer = devboxctl(*words, "--help")
                self.assertEqual((answer.returncode, answer.stderr), (0, ""))
                self.assertTrue(answer.stdout.startswith("Usage: devboxctl"), answer.stdout)
                self.assertIn("Exit status: 0 success, 1 ", answer.stdout)
                example = re.search(r"^Example:\n  devboxctl (.*)$", answer.stdout, re.M)
                self.assertTrue(example, answer.stdout)
                self.assertIn(" ".join(words), " ".join(shlex.split(example.group(1))))
                self.assertEqual(devboxctl("help", *words).stdout, answer.stdout)

    def test_every_command_and_option_is_in_a_manual(self):
        for words in commands():
            name = re.compile(r"\b" + r"(?:\s+|\n\.\w+ )".join(words) + r"\b")
            manuals = [text for text in MANUALS.values() if name.search(text)]
            with self.subTest(" ".join(words)):
                self.assertTrue(manuals)
            text = "\n".join(manuals + SHARED)
            answer = devboxctl(*words, "--help").stdout
            for short, option in re.findall(r"^ {2,}(?:-(\w), )?--([a-z-]+)", answer, re.M):
                with self.subTest(" ".join(words), option=option):
                    self.assertTrue(re.search(rf"Fl (?:(?:Fl |-){option}|{short or '-'})(?![\w-])", text))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
