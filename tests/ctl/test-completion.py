#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Completion of command lines: what devboxctl prints, and what bash, zsh and fish make of it.

    test-completion.py DEVBOXCTL SOURCE_DIR
"""

import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

DEVBOXCTL, SOURCE = (pathlib.Path(word).resolve() for word in sys.argv[1:])
SCRIPTS = SOURCE / "scripts/completion"
NOTHING, FILES, DIRECTORIES = [], [":files"], [":directories"]
ROWS = (
    (["oper"], ["operator"]),
    (["manifest", "s"], ["sign", "show"]),
    (["--json", "manifest", "s"], ["sign", "show"]),
    (["manifest", "lint", ""], FILES),
    (["manifest", "lint", "a", ""], NOTHING),
    (["manifest", "diff", "a", ""], FILES),
    (["manifest", "diff", "a", "b", ""], NOTHING),
    (["config", "check", ""], FILES),
    (["status", ""], NOTHING),
    (["operator", "keygen", ""], NOTHING),
    (["operator", "keygen", "--label", ""], NOTHING),
    (["operator", "keygen", "--dir", ""], DIRECTORIES),
    (["operator", "keygen", "--dir", "x", "--la"], ["--label"]),
    (["manifest", "sign", "-o", ""], FILES),
    (["audit", "export", "--format", ""], ["jsonl", "binary"]),
    (["audit", "export", "--format", "b"], ["binary"]),
    (["audit", "tail", "--f"], ["--follow"]),
    (["audit", "tail", "-f", "--li"], ["--lines"]),
    (["hub", ""], ["init"]),
    (["-H", "root@hub", "peer", ""], ["show", "set"]),
    (["--host", ""], NOTHING),
    (["invite", "--ho"], ["--host"]),
    (["config", "check", "--ho"], NOTHING),
    (["invite", "home-wsl", "--manifest", ""], FILES),
    (["dance", ""], None),
    (["help", "man"], ["manifest"]),
    (["help", "manifest", "s"], ["sign", "show"]),
    (["help", "manifest", "sign", ""], NOTHING),
    (["help", "status", ""], NOTHING),
    (["help", "manifest", "sign", "--"], ["--json", "--help", "--version"]),
    (["status", "--j"], ["--json"]),
)


def shell(name, script, **environment):
    done = subprocess.run([shutil.which(name), *script], capture_output=True, text=True, timeout=60,
                          check=True, env=os.environ | environment)
    return done.stdout.splitlines()


class Completion(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.dir = pathlib.Path(temporary.name)
        (self.dir / "folder").mkdir()
        (self.dir / "file").touch()
        self.path = f"{DEVBOXCTL.parent}:{os.environ['PATH']}"

    def test_candidates(self):
        for words, expected in ROWS:
            with self.subTest(words):
                lines = shell(str(DEVBOXCTL), ["__complete", "--", *words])
                found = [line.split("\t")[0] for line in lines]
                if expected is not None:
                    self.assertEqual(found, expected)
        self.assertNotIn("__complete", "".join(shell(str(DEVBOXCTL), ["__complete", "--", ""])))
        self.assertNotIn("__complete", "".join(shell(str(DEVBOXCTL), ["--help"])))

    def complete(self, name, words):
        """What the shell offers for the last word, in a folder that has a file and a folder."""
        line = shlex.join(["devboxctl", *words[:-1]]) + " " + words[-1]
        script = {
            "bash": f"""compopt() {{ :; }}; source {SCRIPTS}/devboxctl.bash
                COMP_WORDS=(devboxctl {" ".join(map(shlex.quote, words))}); COMP_CWORD={len(words)}
                _devboxctl; printf '%s\\n' "${{COMPREPLY[@]}}" """,
            "zsh": f"""_files() {{ [[ $1 == -/ ]] && print -rl -- *(/) || print -rl -- * }}
                _describe() {{ print -rl -- ${{${{(P)2}}%%:*}} }}
                words=(devboxctl {" ".join(map(shlex.quote, words))}); CURRENT={len(words) + 1}
                source {SCRIPTS}/devboxctl.zsh""",
            "fish": f"source {SCRIPTS}/devboxctl.fish; complete -C {shlex.quote(line)}",
        }[name]
        flags = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[name]
        offered = shell(name, [*flags, "-c", f"cd {self.dir}; {script}"], PATH=self.path, HOME=str(self.dir))
        return sorted(filter(None, (line.split("\t")[0].rstrip("/") for line in offered)))

    def test_shells(self):
        for name in ("bash", "zsh", "fish"):
            if not shutil.which(name):
                continue
            for words, expected in ROWS:
                if expected is None:
                    continue
                with self.subTest(name, words=words):
                    wanted = {":files": ["file", "folder"], ":directories": ["folder"]}
                    self.assertEqual(self.complete(name, words),
                                     sorted(wanted.get(expected[0], expected) if expected else []))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
