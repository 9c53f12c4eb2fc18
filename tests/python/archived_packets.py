#!/usr/bin/env python3
"""Decode the packets of an archive with the archive alone: python3 tests/python/archived_packets.py ARCHIVE

Every packet in packets/ is read by fastavro, with the schema in it or with the one that schemas/ has of its id. What was made
of it here (its alerts: object, trigger, time) must be what it says. Packets that were rejected are only counted.

Needs fastavro and polars. Exits with 1 when anything is wrong.
"""

import argparse
import collections
import io
import json
import pathlib
import sys

import fastavro
import polars


def schemas(archive):
    """Writer schemas by Confluent id."""
    read = lambda file: fastavro.parse_schema(json.loads(file.read_text()))
    return {int(file.stem): read(file) for file in sorted((archive / "schemas").glob("*.avsc"))}


def records(packet, known):
    """The records of a packet, all of whose bytes are read."""
    stream = io.BytesIO(packet)
    if packet[:4] == b"Obj\x01":
        found = list(fastavro.reader(stream))
    else:
        assert packet[0] == 0, "no frame that is known"
        schema = known[int.from_bytes(packet[1:5], "big")]
        stream.seek(5)
        found = [fastavro.schemaless_reader(stream, schema)]
    assert stream.read() == b"", "bytes are left over"
    return found


def said(record):
    """Trigger, time (MJD TAI where the survey sends it) and object by number (where it has one) of an alert."""
    if "candidate" in record:
        return record["candidate"]["candid"], None, None
    source = record["diaSource"]
    ident = source.get("diaObjectId") or source.get("ssObjectId")
    return source["diaSourceId"], source.get("midpointMjdTai"), ident


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=pathlib.Path)
    parser.add_argument("--at-least", type=int, default=1, help="so many alerts must be decoded")
    parser.add_argument("--ids", type=int, nargs="*", default=[], help="schemas/ must have exactly these ids")
    options = parser.parse_args()
    known = schemas(options.archive)
    if options.ids:
        assert sorted(known) == sorted(options.ids), sorted(known)
    counts, wrong = collections.Counter(), []
    for file in sorted((options.archive / "packets").rglob("*.parquet")):
        for row in polars.read_parquet(file).iter_rows(named=True):
            if not row["alerts"]:
                counts["rejected"] += 1
                continue
            try:
                decoded = records(row["bytes"], known)
            except Exception as error:
                wrong.append(f"{row['name']}: {type(error).__name__}: {error}")
                continue
            theirs = {trigger: (time, ident) for trigger, time, ident in map(said, decoded)}
            for alert in row["alerts"]:
                counts[row["schema"]] += 1
                if alert["trigger"] not in theirs:
                    wrong.append(f"{row['name']}: alert {alert['trigger']} is not in it")
                    continue
                time, ident = theirs[alert["trigger"]]
                if time is not None and abs(float(alert["mjd_tai"]) - time) > 1e-6:
                    wrong.append(f"{row['name']}: at {alert['mjd_tai']}, and it says {time}")
                if ident is not None and alert["object_id"] != ident:
                    wrong.append(f"{row['name']}: of {alert['object_id']}, and it says {ident}")
    for name, count in sorted(counts.items()):
        print(f"{count:8} {name}")
    for line in wrong[:20]:
        print(line, file=sys.stderr)
    alerts = sum(counts.values()) - counts["rejected"]
    if wrong or alerts < options.at_least:
        sys.exit(f"{len(wrong)} of {alerts} alerts are not what was archived")
    print(f"{alerts} alerts decoded with the archive alone")


main()
