#!/usr/bin/env python3
"""Make the table of LSST writer schemas from the official ones: python3 scripts/lsst_schema_table.py DIR > schemas/src/survey/lsst/schemas.txt

DIR holds resolved schemas named lsst.vMAJOR_MINOR.resolved.json. Only names, types, order and versions are kept.
The table is explained at its head; the Rust that reads it is schemas/src/survey/lsst/schemas.rs.
"""

import difflib
import json
import pathlib
import re
import sys
import textwrap

HEAD = """\
# LSST alert schemas: names and types of their fields, by version. Made by scripts/lsst_schema_table.py.
#
# versions V...        all versions, in order; the Confluent schema id is 100 * major + minor
# record NAME          what follows are its fields, in order; the first record is the packet
# [VERSIONS] TYPE NAME...
#   VERSIONS           8.0- from 8.0 on, -7.4 up to 7.4, 7.3-7.4 both included, 7.3 only; absent: all
#   TYPE?              nullable, null first and by default
#   micros             long of logical type timestamp-micros
#   RECORD, [RECORD]   a record of that name, an array of such
"""


def kind(of, later):
    """A type as the table writes it; records met on the way are appended to `later`."""
    if isinstance(of, list):
        assert of[0] == "null" and len(of) == 2, of
        return kind(of[1], later) + "?"
    if isinstance(of, str):
        return of.split(".")[-1]
    if of["type"] == "record":
        later.append(of)
        return of["name"].split(".")[-1]
    if of["type"] == "array":
        return f"[{kind(of['items'], later)}]"
    if of.get("logicalType") == "timestamp-micros":
        return "micros"
    return kind(of["type"], later)


def records(schema):
    """Record name -> [(type, field)], the packet first."""
    todo, found = [schema], {}
    for record in todo:
        fields = []
        for field in record["fields"]:
            nullable = isinstance(field["type"], list)
            assert nullable == ("default" in field) and field.get("default") is None, field
            fields.append((kind(field["type"], todo), field["name"]))
        found[record["name"].split(".")[-1]] = fields
    return found


def merge(rows, version, fields):
    """Insert a version's fields into rows of [field, versions], keeping the order of both."""
    merged, at = [], 0
    matcher = difflib.SequenceMatcher(None, [row[0] for row in rows], fields, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        for i, j in zip(range(a, b), range(c, d)) if tag == "equal" else ():
            merged.append([rows[i][0], rows[i][1] + [version]])
        if tag != "equal":
            merged += rows[a:b] + [[field, [version]] for field in fields[c:d]]
    return merged


def span(held, versions):
    """A run of versions as the table writes it."""
    first, last = versions.index(held[0]), versions.index(held[-1])
    assert held == versions[first : last + 1], held
    if first == 0 and last == len(versions) - 1:
        return ""
    if first == last:
        return held[0]
    return ("" if first == 0 else held[0]) + "-" + ("" if last == len(versions) - 1 else held[-1])


def main(folder):
    schemas = {}
    for path in pathlib.Path(folder).glob("lsst.v*.resolved.json"):
        major, minor = re.match(r"lsst\.v(\d+)_(\d+)\.", path.name).groups()
        schemas[int(major), int(minor)] = records(json.loads(path.read_text()))
    order = sorted(schemas)
    versions = [f"{major}.{minor}" for major, minor in order]
    table = {}
    for key, version in zip(order, versions):
        for name, fields in schemas[key].items():
            table[name] = merge(table.get(name, []), version, fields)
    print(HEAD + "versions " + " ".join(versions))
    for name, rows in table.items():
        print(f"\nrecord {name}")
        line, names = None, []
        for (of, field), held in rows + [[(None, None), versions]]:
            head = f"{span(held, versions)} {of}".strip()
            if head != line and names:
                print(textwrap.fill(" ".join(names), 120, initial_indent=line + " ", subsequent_indent=line + " "))
                names = []
            line, names = head, names + [field]


if __name__ == "__main__":
    main(sys.argv[1])
