#!/usr/bin/env python3
"""Compares every number in the tables of a report's page with report.json.

Usage: tests/lib/page_numbers.py INDEX.html REPORT.json     prints how many were compared
"""
import html.parser
import json
import math
import re
import sys

UNITS = {"s": 1, "ms": 1e-3, "µs": 1e-6, "%": 0.01, "GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10}


class Page(html.parser.HTMLParser):
    """Cells as (table, row, key, unit, exact text, what is shown), and what a function's table is of"""

    def __init__(self):
        super().__init__()
        self.cells, self.heading, self.into, self.row, self.table = [], "", None, None, ""

    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        if tag == "h3":
            self.heading, self.into = "", "heading"
        elif tag == "table":
            self.table, self.caption, self.columns = a["id"], "", []
        elif tag == "caption":
            self.into = "caption"
        elif tag == "th" and a.get("scope") == "col":
            self.columns.append([a.get("data-key", ""), ""])
            self.into = "column"
        elif tag == "tr":
            self.row, self.at = a.get("data-row"), -1
        elif tag in ("td", "th"):
            self.at += 1
            self.into = None
            if tag == "td" and "data-v" in a and self.row is not None and self.columns[self.at][0]:
                key, header = self.columns[self.at]
                unit = re.search(r"\[([^][]*)\]$", header) or re.search(r", in (\S+)$", self.caption)
                self.cells.append([self.table, self.heading, int(self.row), key, unit.group(1) if unit else "", a["data-v"], ""])
                self.into = "cell"

    def handle_endtag(self, tag):
        if tag in ("h3", "caption", "th", "td"):
            self.into = None

    def handle_data(self, data):
        if self.into == "heading":
            self.heading += data
        elif self.into == "caption":
            self.caption += data
        elif self.into == "column":
            self.columns[-1][1] += data
        elif self.into == "cell":
            self.cells[-1][-1] += data


def significant(value, digits):
    if not math.isfinite(value):
        return "-"
    if value == 0:
        return "0"
    text = f"{value:.{digits - 1}e}"
    exponent = int(text.split("e")[1])
    return text if exponent < -5 or exponent > 8 else f"{value:.{max(0, digits - 1 - exponent)}f}"


def expected(report, table, heading, row, key):
    """(value, low, high) of report.json"""
    values = report["rows"][row]
    if table.startswith("times-") and key != "x":
        values = next(f for f in values["functions"] if f["function"] == heading and f["kind"] == "wall")
    if key == "repeats":
        return len(values["executions"]), None, None
    if key.startswith(("metrics.", "experiment.")):
        part, key = key.split(".", 1)
        values = values[part]
    found = values[key]
    return (found["value"], found["low"], found["high"]) if isinstance(found, dict) else (found, None, None)


def complaint(cell, report):
    table, heading, row, key, unit, exact, shown = cell
    value, low, high = expected(report, table, heading, row, key)
    if value is None or exact == "":
        return "" if value is None and exact == "" and shown == "-" else f"{exact!r} shown as {shown!r} for {value}"
    if not math.isclose(float(exact), value, rel_tol=1e-11):
        return f"{exact} is not {value}"
    if key in ("x", "count", "repeats"):
        return "" if shown == exact else f"{shown} for {exact}"
    size = UNITS.get(unit, 1)
    words = significant(float(exact) / size, 4)
    if low is not None:
        words += " ±" + significant((high - low) / 2 / size, 2)
    return "" if shown == words else f"{shown!r} instead of {words!r}"


def main(page_path, report_path):
    page = Page()
    with open(page_path, encoding="utf-8") as file:
        page.feed(file.read())
    with open(report_path, encoding="utf-8") as file:
        report = json.load(file)
    bad = [f"{cell[:5]}: {why}" for cell in page.cells if cell[0] != "profile-table" and (why := complaint(cell, report))]
    print(len(page.cells), "cells compared")
    if bad or not page.cells:
        sys.exit("\n".join(bad[:20]) or "the page has no numbers")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
