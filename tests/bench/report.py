"""inferstep report: how fast it reads, and what it needs for that."""
import importlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from common import TOP, figure, say


def sample(kind, directory):
    path = f"{TOP}/tests/lib"
    sys.path.insert(0, path)
    try:
        return importlib.import_module("sample_trees").KINDS[kind](directory)
    finally:
        sys.path.remove(path)


def seconds(words, **options):
    begin = time.monotonic()
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **options)
    return time.monotonic() - begin


def peak(words):
    """Largest resident memory of a program, in GiB"""
    with open(os.devnull, "r+b") as nothing:
        child = subprocess.Popen(words, stdin=nothing, stdout=nothing)
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise RuntimeError(f"{words[0]} ended with {child.returncode}")
    return usage.ru_maxrss / 2**20


@figure()
def report_rows(bench):
    """10,000 files of ranks with 10 million rows: tables out of them, and the sum of one column of the same files"""
    work = tempfile.mkdtemp(dir=bench.dir)
    try:
        tree = sample("big", work)
        report = [bench.bin, "report", tree, "-o", "-"]
        awk = ["sh", "-c", "find \"$0\" -name 'rank_*.csv' -print0 | xargs -0 cat | "
               f"{shutil.which('mawk') or 'awk'} -F, '{{ sum += $3 }} END {{ print sum }}'", tree]
        seconds(awk)  # the files are in memory now, for both
        pairs = [seconds(report) / seconds(awk) for _ in range(5)]
        say("report_rows", statistics.median(pairs), "<=3", "report of 1e7 rows in 10,000 files / cat and awk of the same", 5)
        say("report_memory", peak(report), "<=1", "largest resident memory of that, GiB", 1)
    finally:
        shutil.rmtree(work)
