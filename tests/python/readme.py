#!/usr/bin/env python3
"""Runs the Python that the README shows: python3 tests/python/readme.py README.md, in the folder where `skydiff demo` was run.

Each block runs by itself, as somebody who copies it would run it. Exits with 1 when one fails.
"""

import pathlib
import re
import sys


def main():
    text = pathlib.Path(sys.argv[1]).read_text()
    wanted = sys.argv[2:]
    blocks = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if all(word in block for word in wanted)]
    if not blocks:
        sys.exit(f"{sys.argv[1]} shows no Python with {wanted}")
    for block in blocks:
        print(">>> " + block.strip().replace("\n", "\n... "))
        exec(compile(block, sys.argv[1], "exec"), {"__name__": "__main__"})
    print(f"{len(blocks)} passed, 0 failed")


main()
