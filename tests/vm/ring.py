# SPDX-License-Identifier: MIT
"""Runs inside the emulated machine, as root: ring.py BUILD [NAME…]. Of each topic, test_TOPIC.py beside this
file, the programs in PROGRAMS and then the unittest cases; a test is TOPIC/CASE."""

import os
import pathlib
import re
import subprocess
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
CASE = re.compile(r"(ok|not ok) \d+ (?:- )?(.*)")  # cmocka's, as TAP
LIMIT_SECONDS = 600  # far more than any program needs


def one_line(text):
    return " ".join(str(text).split())


def report(verdict, name, reason=""):
    print(f"{verdict} {name}: {one_line(reason)}" if reason else f"{verdict} {name}", flush=True)


def case_name(topic, method):
    return f"{topic}/{method.removeprefix('test_').replace('_', '-')}"


def program_path(name):
    """Below the build directory."""
    folder, _, last = name.rpartition("/")
    return str(pathlib.PurePath("tests", folder, f"test-{last}"))


def run_program(build, topic, program, wanted):
    """A cmocka program: a result for each of its cases. What it prints follows as comments."""
    name, *arguments = program.split()
    if not wanted(f"{topic}/{name}"):
        return
    process = subprocess.Popen(
        ["timeout", str(LIMIT_SECONDS), f"{build}/{program_path(name)}", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP"},
    )
    verdicts = []
    for line in process.stdout:
        case = CASE.match(line)
        if not case:
            print(f"#   {line.rstrip()}", flush=True)
            continue
        verdict = "skip" if "# SKIP" in case[2] else case[1]
        method = case[2].replace("# SKIP", "").strip()
        report(verdict, case_name(topic, method), "" if verdict == "ok" else "its output is above")
        verdicts.append(verdict)
    if not verdicts or (process.wait() != 0 and "not ok" not in verdicts):
        report("not ok", f"{topic}/{name}", f"{len(verdicts)} cases, exit status {process.wait()}")


class Result(unittest.TestResult):
    """Prints each result as it arrives."""

    @staticmethod
    def name(test):
        module, _, method = test.id().rpartition(".")
        return case_name(module.split(".")[0].removeprefix("test_"), method)

    def addSuccess(self, test):
        report("ok", self.name(test))

    def addSkip(self, test, reason):
        report("skip", self.name(test), reason)

    def addFailure(self, test, err):
        last = err[2]
        while last.tb_next and "__unittest" not in last.tb_next.tb_frame.f_globals:
            last = last.tb_next
        report("not ok", self.name(test), f"{err[1] or err[0].__name__} (line {last.tb_lineno})")

    addError = addFailure


def cases(suite):
    for each in suite:
        yield from cases(each) if isinstance(each, unittest.TestSuite) else [each]


def main(build, *names):
    def wanted(name):
        return not names or any(word in f"vm/{name}" for word in names)

    sys.path.insert(0, str(HERE))
    for path in sorted(HERE.glob("test_*.py")):
        started, topic = time.monotonic(), path.stem.removeprefix("test_")
        module = __import__(path.stem)
        for program in getattr(module, "PROGRAMS", []):
            run_program(build, topic, program, wanted)
        loaded = unittest.defaultTestLoader.loadTestsFromModule(module)
        unittest.TestSuite(each for each in cases(loaded) if wanted(Result.name(each))).run(Result())
        print(f"# {time.monotonic() - started:6.1f} s  {topic}", flush=True)
    print("# end", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
