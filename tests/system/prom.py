# SPDX-License-Identifier: MIT
"""A strict reader of the Prometheus text format 0.0.4, with the naming rules of `promtool check metrics`."""

import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,|$)')
HISTOGRAM = ("_bucket", "_sum", "_count")
TYPES = ("counter", "gauge", "histogram", "summary", "untyped")
NOT_BASE_UNITS = ("_milliseconds", "_ms", "_usec", "_minutes", "_kilobytes", "_kb", "_megabytes", "_percent")


class BadMetrics(Exception):
    pass


class Family:
    def __init__(self, name):
        self.name, self.type, self.help, self.samples = name, None, None, {}


def labels_of(text):
    labels, position = {}, 0
    while position < len(text):
        match = LABEL.match(text, position)
        if not match or match[1] in labels:
            raise BadMetrics(f"bad labels: {text}")
        labels[match[1]] = match[2]
        position = match.end()
    return labels


def comment(line, families):
    """# HELP and # TYPE open a family; each occurs once, before the family's samples."""
    _, kind, name, rest = (line.split(" ", 3) + [""])[:4]
    if kind == "HELP":
        if name in families:
            raise BadMetrics(f"{name} appears twice")
        families[name] = Family(name)
        families[name].help = rest
    elif kind == "TYPE":
        family = families.get(name)
        if not family or family.type or family.samples or rest not in TYPES:
            raise BadMetrics(f"misplaced or wrong TYPE: {line}")
        family.type = rest
    return families[name]


def sample(line, family):
    """Those of a histogram have their suffix as a label more, __name__."""
    match = SAMPLE.fullmatch(line)
    suffixes = HISTOGRAM if family and family.type == "histogram" else ("",)
    if not match or not family or match[1] not in (family.name + suffix for suffix in suffixes):
        raise BadMetrics(f"a sample outside its family, or malformed: {line}")
    labels = labels_of(match[2] or "")
    if match[1] != family.name:
        labels["__name__"] = match[1].removeprefix(family.name)
    key = frozenset(labels.items())
    if key in family.samples:
        raise BadMetrics(f"the same sample twice: {line}")
    family.samples[key] = float(match[3])


def check_histogram(family):
    """Buckets count all that is below, up to the last, which is the count."""
    samples = [(dict(key), value) for key, value in family.samples.items()]
    buckets = sorted((float(key["le"]), value) for key, value in samples if key["__name__"] == "_bucket")
    counts = [value for _, value in buckets]
    total = [value for key, value in samples if key["__name__"] == "_count"]
    if not buckets or buckets[-1][0] != float("inf") or counts != sorted(counts) or total != counts[-1:]:
        raise BadMetrics(f"{family.name}: buckets that do not add up")


def check(family):
    name = family.name
    if family.type == "histogram":
        check_histogram(family)
    if not family.help or not family.type:
        raise BadMetrics(f"{name} lacks HELP or TYPE")
    if (family.type == "counter") != name.endswith("_total"):
        raise BadMetrics(f"{name}: _total belongs to counters, all of them, and only to them")
    if name.endswith(NOT_BASE_UNITS) or name != name.lower():
        raise BadMetrics(f"{name}: not in base units and snake_case")
    if family.type == "counter" and any(value < 0 for value in family.samples.values()):
        raise BadMetrics(f"{name}: a counter below zero")


def parse(text):
    """Name to Family; raises BadMetrics at the first line that promtool or Prometheus would not like."""
    if not text.endswith("\n"):
        raise BadMetrics("the last line has no end")
    families, family = {}, None
    for line in text.splitlines():
        if line.startswith("#"):
            family = comment(line, families)
        elif line:
            sample(line, family)
    for family in families.values():
        check(family)
    return families


def value(families, name, **labels):
    """The one sample of the family with these labels; None if it is not there."""
    family = families.get(name)
    return family.samples.get(frozenset(labels.items())) if family else None
