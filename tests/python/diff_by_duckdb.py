"""Holds `skydiff diff` against an independent query: which objects are in a state in one published catalogue and not in another.

    python tests/python/diff_by_duckdb.py BEFORE AFTER DIFF.json DIFF.parquet

BEFORE and AFTER are what `skydiff publish` wrote by two jobs, DIFF what `skydiff diff` says of their records. Only over all of
history is a record's last word what a catalogue says: in shorter windows time ends states without a word.
"""

import json
import sys
from pathlib import Path

import duckdb
from open_catalogues import edition


def states(root: str) -> set:
    """(survey, object, state) over all of history, at the end."""
    files = f"{edition(Path(root) / 'objects')}/dataset/**/*.parquet"
    found = duckdb.sql(
        "select survey, object, state from (select survey, object, unnest(states.timescale) as timescale, "
        f"unnest(states.state) as state from read_parquet('{files}')) where timescale is null"
    ).fetchall()
    return set(found)


def main() -> None:
    before, after = states(sys.argv[1]), states(sys.argv[2])
    listed = json.loads(Path(sys.argv[3]).read_text())["differences"]
    whole = [line for line in listed if line["timescale"] == "all"]
    name = lambda line: (line["survey"], line["object"], line["state"])
    holds = lambda line, side: bool(line[side] and line[side]["holds"])
    gained = {name(line) for line in whole if holds(line, "b") and not holds(line, "a")}
    lost = {name(line) for line in whole if holds(line, "a") and not holds(line, "b")}
    assert gained == after - before, (gained ^ (after - before))
    assert lost == before - after, (lost ^ (before - after))
    assert gained, "a lower threshold lets something in"
    by_parquet = duckdb.sql(
        f"select kind, count(*) from read_parquet('{sys.argv[4]}') group by kind order by kind"
    ).fetchall()
    counted = {}
    for line in listed:
        counted[line["kind"]] = counted.get(line["kind"], 0) + 1
    assert dict(by_parquet) == counted, (by_parquet, counted)
    print(f"diff: {len(gained)} gained and {len(lost)} lost over all of history, as DuckDB finds; {len(listed)} lines in Parquet")


if __name__ == "__main__":
    main()
