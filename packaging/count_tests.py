"""count_tests.py TESTLOG.JSON: counts single test cases in the log of `meson test`.

Names each test program and what went wrong in it; the last line is "PASSED FAILED SKIPPED". GoogleTest's cases are
counted from its output rather than from its XML file, which it writes only at the end: a case that a crash cut off is
a failure, and so is a program that fails after its last case (a leak, a time-out). Any other program counts as one.
"""

import json
import re
import sys

STARTED = re.compile(r"\[ RUN      \] (\S+)")
ENDED = re.compile(r"\[ {,7}(OK|FAILED|SKIPPED) {1,2}\] (\S+?),? .*\(\d+ ms\)")
GOOD = {"OK", "EXPECTEDFAIL"}


def count_cases(output):
    """Sets of the names of passed, failed and skipped cases in GoogleTest's output."""
    ended = {"OK": set(), "FAILED": set(), "SKIPPED": set()}
    for outcome, name in ENDED.findall(output):
        ended[outcome].add(name)
    unfinished = set(STARTED.findall(output)) - set().union(*ended.values())
    return ended["OK"], ended["FAILED"] | unfinished, ended["SKIPPED"]


def main():
    passed = failed = skipped = 0
    with open(sys.argv[1], encoding="utf-8") as log:
        tests = [json.loads(line) for line in log]
    for test in tests:
        output = (test.get("stdout") or "") + "\n" + (test.get("stderr") or "")
        result = test["result"]
        if "[==========] Running" in output:
            good, bad, left_out = count_cases(output)
        elif result == "SKIP":
            good, bad, left_out = set(), set(), {test["name"]}
        else:
            good, bad, left_out = ({test["name"]}, set(), set()) if result in GOOD else (set(), {test["name"]}, set())
        if result not in GOOD | {"SKIP"} and not bad:
            bad = {f"{test['name']}: {result} after its last case"}
        print(f"{test['name']}: {len(good)} passed, {len(bad)} failed, {len(left_out)} skipped ({test['duration']:.1f} s)")
        if bad:
            print(output[-20000:].rstrip())
            print(*(f"FAILED {name}" for name in sorted(bad)), sep="\n")
        passed, failed, skipped = passed + len(good), failed + len(bad), skipped + len(left_out)
    print(passed, failed, skipped)


main()
