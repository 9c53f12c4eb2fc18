#!/usr/bin/env python3
"""Catalogues that must say the same: python3 tests/python/same_catalogues.py CATALOGUES...

Of alerts/ and objects/ of each: as many rows, and as many of each object; of objects/, the same rows. Needs polars. Exits with 1
when they differ.
"""

import pathlib
import sys

import polars


def rows(root, name, columns=None):
    """The rows of a collection, as its readers find them."""
    lines = (root / name / "collection.properties").read_text().splitlines()
    folder = root / name / dict(line.split("=", 1) for line in lines)["hats_primary_table_url"]
    files = sorted((folder / "dataset").rglob("Npix=*.parquet")) or sorted((folder / "dataset").rglob("*.parquet"))
    return polars.concat([polars.read_parquet(file, columns=columns, hive_partitioning=False) for file in files])


def per_object(root, name):
    """How many rows each object has."""
    counted = rows(root, name, ["survey", "object"]).group_by("survey", "object").len()
    return {(survey, name): many for survey, name, many in counted.iter_rows()}


def main():
    first, *others = map(pathlib.Path, sys.argv[1:])
    for name in ("alerts", "objects"):
        expected = per_object(first, name)
        assert expected, f"{name}/ of {first} is empty"
        for other in others:
            found = per_object(other, name)
            if found != expected:
                differs = sorted(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))
                example = [(key, expected.get(key), found.get(key)) for key in differs[:3]]
                sys.exit(f"{name}/ of {other} differs from {first} in {len(differs)} objects: {example}")
        print(f"{name}: {sum(expected.values())} rows of {len(expected)} objects in {1 + len(others)} catalogues")
    sort = lambda root: rows(root, "objects").sort("survey", "object")
    expected = sort(first)
    for other in others:
        assert sort(other).equals(expected), f"objects/ of {other} has other rows than {first}"
    print("objects: row by row the same")


main()
