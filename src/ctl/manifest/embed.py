#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""embed.py PROGRAMS.csv PATTERNS.csv OUT.c: the tables of the linter as C, checked."""
import csv
import sys

FUNCTIONS = {"shell": "PROGRAM_SHELL", "write": "PROGRAM_WRITE", "read": "PROGRAM_READ", "-": "0"}
USES = ("program", "write", "home", "read", "restart")


def rows(path):
    with open(path, encoding="utf-8") as file:
        found = [row for row in csv.reader(line for line in file if not line.startswith("#"))][1:]
    for row in found:
        if len(row) != 2 or '"' in row[0] + row[1] or "\\" in row[0] + row[1]:
            sys.exit(f"{path}: {row}")
    return found


programs, patterns, target = sys.argv[1:]
names = [name.encode() for name, _ in rows(programs)]
if names != sorted(set(names)):
    sys.exit(f"{programs}: not sorted by bytes, or a name twice")

with open(target, "w", encoding="utf-8") as out:
    out.write('#include "ctl/manifest/linter-tables.h"\n\n#include "ctl/manifest/patterns.h"\n'
              '#include "ctl/manifest/programs.h"\n\nconst ProgramRow program_rows[] = {\n')
    for name, functions in rows(programs):
        out.write(f'{{ "{name}", {" | ".join(FUNCTIONS[word] for word in functions.split("+"))} }},\n')
    out.write("};\nconst size_t n_program_rows = sizeof program_rows / sizeof program_rows[0];\n\n"
              "const PatternRow pattern_rows[] = {\n")
    for use, pattern in rows(patterns):
        out.write(f'{{ PATTERN_{USES[USES.index(use)].upper()}, "{pattern}" }},\n')
    out.write("};\nconst size_t n_pattern_rows = sizeof pattern_rows / sizeof pattern_rows[0];\n")
