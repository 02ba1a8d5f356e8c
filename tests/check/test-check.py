#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Proves that each rule of scripts/check can fail: a small tree in which it finds nothing, and for each rule
changes to that tree with the finding they must cause."""

import pathlib
import subprocess
import sys
import tempfile

OURS = pathlib.Path(__file__).resolve().parents[2]
CHECK = OURS / "scripts" / "check"

HASH = "# SPDX-License-Identifier: MIT\n"
MIT = "/* SPDX-License-Identifier: MIT */\n"

# A tree in which every rule has something to look at.
GOOD = {
    "meson.build": HASH + "subdir('src/low')  # rank 0: first\nsubdir('src/config')\n"
                   "subdir('src/high')  # rank 1: second\nsubdir('src/peer')\n",
    ".clang-format": (OURS / ".clang-format").read_text(),
    "src/low/meson.build": HASH,
    "src/low/low.h": MIT + "#pragma once\n\n#include <stddef.h>\n\nsize_t low(size_t number);\n",
    "src/low/low.c": MIT + "#include \"low/low.h\"\n\nstatic size_t kept;\n\nsize_t low(size_t number)\n{\n"
                     "        kept = number;\n        return kept; /* not system() */\n}\n",
    "src/low/all.h": MIT + "#pragma once\n\n#include \"low/low.h\"\n",
    "src/high/high.h": MIT + "#pragma once\n\nint high(void);\n",
    "src/high/high.c": MIT + "#include \"high/high.h\"\n\n#include \"low/low.h\"\n\nint high(void)\n{\n"
                       "        return (int) low(1);\n}\n",
    "src/peer/peer.h": MIT + "#pragma once\n",
    "src/log/message-ids.h": MIT + '#pragma once\n\n#define MESSAGE_A "0123456789abcdef0123456789abcdef"\n',
    "src/config/load.c": MIT + 'static const char *const keys[][2] = {\n        { "http", "port" },\n};\n',
    "units/devbox.catalog": HASH + "-- 0123456789abcdef0123456789abcdef\nSubject: A\n",
    "units/config.yaml": HASH + "http:\n  port: 8080\n",
    "man/devbox-config.5": '.\\" SPDX-License-Identifier: MIT\n.Dd November 22, 2026\n'
                           ".Dt DEVBOX-CONFIG 5\n.Os devbox\n"
                           ".Sh NAME\n.Nm devbox-config\n.Nd the file\n.Sh DESCRIPTION\nhttp.port\n",
    "scripts/hello.sh": "#!/bin/bash\n# SPDX-License-Identifier: MIT\necho \"$1\"\n",
    "tests/low/test-low.c": MIT + "#include \"low/low.h\"\n\nvoid assert_ok(size_t r);\n\n"
                            "static void check(size_t n)\n{\n        assert_ok(low(n));\n}\n\n"
                            "static void test_low(void **state)\n{\n        check(1);\n}\n\n"
                            "int main(void)\n{\n        test_low(0);\n        return 0;\n}\n",
}

# What every C file below begins with: two lines.
LOW = MIT + "#include \"low/low.h\"\n"
TEST = MIT + "#include \"test.h\"\n"

# Rows of rule, file, its content instead, and the finding: its line and a part of its words.
BAD = [
    ("ranks", "src/low/low.c", LOW + '#include "high/high.h"\n', 3, "low (rank 0) includes high (rank 1)"),
    ("ranks", "src/high/high.c", MIT + '#include "peer/peer.h"\n', 2, "high (rank 1) includes peer (rank"),
    ("ranks", "src/low/low.c", MIT + '#include "low.h"\n', 2, "without its folder"),
    ("ranks", "src/low/low.c", MIT + '#include "nowhere/x.h"\n', 2, "src/nowhere has no subdir()"),
    ("ranks", "src/new/new.c", MIT, 1, "src/new has no subdir()"),
    ("ranks", "meson.build", HASH + "subdir('src/high')  # rank 1: x\n"
                            "subdir('src/low')  # rank 0: y\n", 3, "out of order"),
    ("cycles", "src/low/low.h", MIT + '#pragma once\n#include "low/all.h"\n', 3,
     "include cycle: low/all -> low/low -> low/all"),
    ("cycles", "src/low/low-internal.h", MIT + '#pragma once\n#include "low/all.h"\n', 3,
     "include cycle: low/all -> low/low -> low/all"),
    ("headers", "src/high/high.h", MIT + "#pragma once\nsize_t high(void);\n", 3, "unknown type name"),
    ("licence", "src/low/low.c", "int x;\n", 1, "no SPDX"),
    ("licence", "units/devbox.target", "[Unit]\n", 1, "no SPDX"),
    ("pragma-once", "src/low/low.h", MIT, 1, "no #pragma once"),
    ("layout", "src/low/low.c", LOW + "\tint x;\n", 3, "a tab"),
    ("layout", "src/low/low.c", LOW + "static int x; \n", 3, "blanks at the end"),
    ("layout", "src/low/meson.build", HASH + "# " + 109 * "x" + "\n", 2, "111 columns"),
    ("layout", "src/low/low.c", LOW + "static int x;", 3, "no newline"),
    ("format", "src/low/low.c", LOW + "static int  x;\n", 3, "not formatted"),
    ("sizes", "src/low/low.c", LOW + "static void f(void)\n{\n" + 79 * "        g();\n" + "}\n", 3,
     "f() has 81 lines"),
    ("sizes", "src/low/low.c", LOW + "static void f(int a, int b, int c,\n    int d, int e, int f)\n{\n}\n",
     3, "f() takes 6 arguments"),
    ("sizes", "src/low/low.c", LOW + 499 * "static int x;\n", 501, "501 lines: at most 500"),
    ("sizes", "src/low/low.h", MIT + 120 * "#pragma once\n", 121, "121 lines: at most 120"),
    ("sizes", "src/low/meson.build", 31 * HASH, 31, "31 lines: at most 30"),
    ("static", "src/low/low.c", LOW + "void f(void)\n{\n}\n", 3, "f() is in no header"),
    ("static", "src/low/low.c", LOW + "const char *const names[] = {\n};\n", 3, "names is in no header"),
    ("static", "src/low/low.c", LOW + "int number;\n", 3, "number is in no header"),
    ("static", "src/low/low.h", MIT + "int f(void)\n{\n}\n", 2, "f() in a header"),
    ("calls", "src/low/low.c", LOW + "        r = system(command);\n", 3, "system() is forbidden"),
    ("calls", "src/low/low.c", LOW + "        execve(path, argv, envp);\n", 3, "execve() is forbidden"),
    ("calls", "src/low/low.c", LOW + "        strcpy(a, b);\n", 3, "strcpy() is forbidden"),
    ("tests", "tests/low/test-low.c", TEST + "static void test_f(void **state)\n{\n        f();\n}\n", 3,
     "test_f() asserts nothing"),
    ("tests", "tests/low/test-low.c", TEST + "static void test_f(void **state)\n{\n        r = f();\n"
     "        assert_ok(r);\n}\n", 5, "a bare r = f()"),
    ("tests", "tests/low/test-low.c", TEST + "static void test_f(void **state)\n{\n"
     "        int r = f();\n        assert_ok(r);\n}\n", 5, "a bare r = f()"),
    ("messages", "src/log/message-ids.h", MIT + '#define MESSAGE_B "aaaaaaaabbbbbbbbaaaaaaaabbbbbbbb"\n', 2,
     "MESSAGE_B has no entry"),
    ("messages", "src/log/message-ids.h", MIT + '#define MESSAGE_B "abc"\n', 2, "MESSAGE_B is not 128 bits"),
    ("messages", "src/log/message-ids.h",
     MIT + 2 * '#define MESSAGE_A "0123456789abcdef0123456789abcdef"\n', 2, "the id of another"),
    ("messages", "units/devbox.catalog", HASH + "-- ffff\n", 2, "ffff is no id"),
    ("config-keys", "units/config.yaml", "# port\n", 3, "port is not in units/config.yaml"),
    ("config-keys", "man/devbox-config.5", "", 3, "port is not in man/devbox-config.5"),
    ("tokens", "README.md", "curl http://127.0.0.1:8080/ <<<X-Devbox-Token:\n", 1, "to a port"),
    ("shell", "scripts/hello.sh", "#!/bin/bash\necho $1\n", 2, "quote"),
    ("man", "man/devbox-config.5",
     ".Dd November 22, 2026\n.Dt X 5\n.Os\n.Sh NAME\n.Nm x\n.Nd y\n.Xyz\n", 7, "unknown macro"),
]


def check(files, *rules):
    """The findings (or the reason of a skip) of scripts/check in a tree of these files."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            target = pathlib.Path(root, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        result = subprocess.run([CHECK, "--root", root, *rules], capture_output=True, text=True)
    return result.returncode, result.stdout.splitlines()[:-1] + result.stderr.splitlines()


def main():
    n_failed = 0

    def judge(passed, name, lines):
        nonlocal n_failed
        if not passed:
            n_failed += 1
            print(f"not ok {name}", *lines, sep="\n    ")

    status, lines = check(GOOD)
    skipped = {line.split(":")[1].strip() for line in lines if line.startswith("skipped:")}
    judge(status == 0 and len(lines) == len(skipped), "a good tree has no findings", lines)

    rules = subprocess.run([CHECK, "--list"], capture_output=True, text=True, check=True).stdout.splitlines()
    for rule in {line.split()[0] for line in rules} - {row[0] for row in BAD}:
        judge(False, f"{rule}: a rule without a row here", [])

    for rule, path, text, line, words in BAD:
        if rule in skipped:
            continue
        status, lines = check({**GOOD, path: text}, rule)
        told = [each for each in lines if each.startswith(f"{path}:{line}: ") or rule == "config-keys"]
        judge(status == 1 and any(words in each and each.endswith(f"[{rule}]") for each in told),
              f"{rule}: {path}:{line}: {words}", lines)

    for rule in sorted(skipped):
        print(f"skipped {rule}: its tool is not installed")
    print(f"{len(BAD)} rows, {n_failed} failed")
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
