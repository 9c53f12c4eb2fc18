#!/usr/bin/env python3
"""Read simulated packets with what others read packets with: python3 tests/python/simulated_packets.py PACKETS [REAL]

PACKETS and REAL are tars or folders of packets, or single packets. Every packet of PACKETS is read by fastavro and its
stamps are opened by astropy; the flux of the difference within an aperture must be the source's within the noise, and the
difference the science image less the template. With REAL (ZTF 4.02 and LSST 10.x), a table of fields filled, sizes and lengths of history is printed for both,
and columns that only one of them fills are an error. LSST packets name a schema by its id: --schemas is a folder of resolved
ones, lsst.vX_Y.*.json; packets whose schema is not there are counted as skipped. Of corrupt packets, --damaged many are allowed.

Needs fastavro, astropy and numpy. Exits with 1 when anything is wrong.
"""

import argparse
import collections
import gzip
import io
import json
import pathlib
import re
import statistics
import sys
import tarfile
import warnings

import fastavro
import numpy
from astropy.io import fits

STAMPS = ("Science", "Template", "Difference")

# Columns that the real packets here never fill and simulated ones do, because the schema has them: see lsst/object.rs.
DELIBERATE = {"diaObject.firstDiaSourceMjdTai", "diaObject.lastDiaSourceMjdTai"}

# Real packets fill these now and then, by what became of the source.
SOMETIMES = re.compile(
    r"\.(dipole\w+|trail\w+|ixx|iyy|ixy|extendedness|[ugrizy]_\w+|timeWithdrawnMjdTai|ss(distnr|magnr|namenr))$"
    r"|^(prvDia\w+|prv_candidates|fp_hists|ssSource|diaObject|mpc_orbits)"
)


def contents(path):
    """Packets of a tar, a folder or a file."""
    path = pathlib.Path(path)
    if path.is_dir():
        for file in sorted(file for file in path.rglob("*") if file.suffix in (".avro", ".bin")):
            yield file.name, file.read_bytes()
    elif tarfile.is_tarfile(path):
        with tarfile.open(path) as tar:
            for member in tar:
                if member.isfile() and pathlib.Path(member.name).suffix in (".avro", ".bin"):
                    yield member.name, tar.extractfile(member).read()
    else:
        yield path.name, path.read_bytes()


class Reader:
    """Reads packets of either framing."""

    def __init__(self, schemas):
        self.schemas = {}
        for file in pathlib.Path(schemas).glob("lsst.v*.json") if schemas else ():
            major, minor = re.match(r"lsst\.v(\d+)_(\d+)", file.name).groups()
            schema = fastavro.parse_schema(json.loads(file.read_text()))
            self.schemas[100 * int(major) + int(minor)] = schema

    def read(self, packet):
        """The records of a packet; none where the schema is not known."""
        if packet[:4] == b"Obj\x01":
            return [("ztf", record) for record in fastavro.reader(io.BytesIO(packet))]
        schema = self.schemas.get(int.from_bytes(packet[1:5], "big"))
        if packet[0] != 0 or schema is None:
            return []
        stream = io.BytesIO(packet[5:])
        record = fastavro.schemaless_reader(stream, schema)
        assert not stream.read(1), "bytes after the record"
        return [("lsst", record)]


def stamps(survey, record):
    """Science, template, difference as lists of HDUs; None where the packet has none."""
    found = []
    for name in STAMPS:
        stamp = record["cutout" + name]
        if stamp is None:
            return None
        data = gzip.decompress(stamp["stampData"]) if survey == "ztf" else stamp
        hdus = fits.open(io.BytesIO(data))
        hdus.verify("exception")
        found.append([(hdu.header, numpy.array(hdu.data, dtype=float)) for hdu in hdus])
    return found


def source(survey, record):
    """Flux in units of the stamps, its error, whether it is good, radius of an aperture in pixels, sign of the difference."""
    if survey == "ztf":
        row = record["candidate"]
        flux = 10 ** (0.4 * (row["magzpsci"] - row["magpsf"]))
        good = row["drb"] >= 0.25 and row["nbad"] == 0 and row["fwhm"] <= 5 and row["elong"] <= 1.2
        sign = 1 if row["isdiffpos"] == "t" else -1
        return sign * flux, flux * row["sigmapsf"] / 1.0857, good, 2 * row["fwhm"], sign
    row = record["diaSource"]
    flags = ("isDipole", "pixelFlags_bad", "pixelFlags_cr", "pixelFlags_interpolated", "pixelFlags_streak")
    width = row["ixxPSF"] ** 0.5 / 0.2
    return row["psfFlux"], row["psfFluxErr"], row["reliability"] >= 0.25 and not any(row[flag] for flag in flags), 4.5 * width, 1


def check_stamps(survey, record, pulls):
    """What is wrong with the stamps; adds the deviation of the aperture's flux in units of its noise."""
    found = stamps(survey, record)
    if found is None:
        return []
    (science, template, difference), wrong = ([hdus[0][1] for hdus in found]), []
    flux, error, good, radius, sign = source(survey, record)
    size = science.shape[0]
    if science.shape != (size, size) or size != (63 if survey == "ztf" else 30):
        wrong.append(f"stamps of {science.shape}")
    scale = numpy.abs(science).max()
    if numpy.abs(sign * difference - (science - template)).max() > 1e-5 * scale + 1e-3:
        wrong.append("the difference is not science less template")
    if not (numpy.isfinite(science).all() and difference.std() > 0 and template.std() > 0):
        wrong.append("an image is empty")
    header = found[2][0][0]
    x, y = (header["CRPIX1"] - 1, header["CRPIX2"] - 1) if survey == "lsst" else ((size - 1) / 2,) * 2
    if survey == "lsst" and abs(found[2][2][1].sum() - 1) > 0.01:
        wrong.append("the PSF's sum is not 1")
    if good:
        down, across = numpy.mgrid[:size, :size]
        inside = numpy.hypot(across - x, down - y) <= min(radius, size / 2)
        # The noise of a pixel far from the source.
        outside = numpy.hypot(across - x, down - y) > 0.8 * size / 2
        noise = 1.4826 * numpy.median(numpy.abs(difference[outside]))
        deviation = sign * difference[inside].sum() - flux
        # Two percent of the light may lie beyond the aperture, or between the pixels.
        pulls.append(deviation / numpy.hypot(noise * inside.sum() ** 0.5, 0.04 * flux))
    return wrong


def rows(survey, record):
    """Every record in the packet that has columns, by name."""
    names = {
        "ztf": ("candidate", "prv_candidates", "fp_hists"),
        "lsst": ("diaSource", "prvDiaSources", "prvDiaForcedSources", "diaObject", "ssSource", "mpc_orbits"),
    }[survey]
    for name in names:
        value = record[name]
        for row in value if isinstance(value, list) else [value] if value else []:
            if name == "prv_candidates":
                yield "prv_candidates(limit)" if row["candid"] is None else "prv_candidates(source)", row
            else:
                yield name, row
    yield "packet", record


class Summary:
    """What packets have filled, and how much."""

    def __init__(self):
        self.sizes, self.history, self.forced = (collections.defaultdict(list) for _ in range(3))
        self.filled, self.rows, self.stamps = collections.Counter(), collections.Counter(), collections.defaultdict(list)

    def add(self, survey, record, size):
        previous, forced = ("prv_candidates", "fp_hists") if survey == "ztf" else ("prvDiaSources", "prvDiaForcedSources")
        self.sizes[survey].append(size)
        self.history[survey].append(len(record[previous] or []))
        self.forced[survey].append(len(record[forced] or []))
        for name in STAMPS:
            stamp = record["cutout" + name]
            if stamp is not None:
                self.stamps[survey].append(len(stamp["stampData"] if survey == "ztf" else stamp))
        for name, row in rows(survey, record):
            self.rows[name] += 1
            for column, value in row.items():
                self.filled[name + "." + column] += value is not None

    def part(self, column):
        """Which part of the rows has this column filled; None without any row."""
        count = self.rows[column.split(".")[0]]
        return self.filled[column] / count if count else None


def compare(simulated, real):
    """Prints both beside each other; gives the columns that only one fills."""
    print(f"{'':36} {'real':>10} {'simulated':>10}")
    middle = lambda values: statistics.median(values) if values else float("nan")
    for survey in ("ztf", "lsst"):
        for what in ("sizes", "stamps", "history", "forced"):
            one, other = (middle(getattr(summary, what)[survey]) for summary in (real, simulated))
            print(f"{survey} {what + ', median':31} {one:10.0f} {other:10.0f}")
    wrong = []
    for name in sorted(simulated.rows):
        columns = [column for column in sorted(simulated.filled) if column.split(".")[0] == name and column in real.filled]
        parts = [(column, real.part(column), simulated.part(column)) for column in columns]
        known = [(column, one, other) for column, one, other in parts if one is not None and other is not None]
        always = [sum(part == 1 for part in column) for column in zip(*[known_part[1:] for known_part in known])] or [0, 0]
        never = [sum(part == 0 for part in column) for column in zip(*[known_part[1:] for known_part in known])] or [0, 0]
        print(f"{name + ': columns never null':36} {always[0]:10} {always[1]:10}   of {len(columns)}")
        print(f"{name + ': columns always null':36} {never[0]:10} {never[1]:10}")
        for column, one, other in known:
            if (one == 0) != (other == 0) and column not in DELIBERATE and not SOMETIMES.search(column):
                wrong.append(f"{column}: {one:.0%} filled in real packets, {other:.0%} in simulated ones")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packets")
    parser.add_argument("real", nargs="*")
    parser.add_argument("--schemas", help="folder of lsst.vX_Y.*.json")
    parser.add_argument("--damaged", type=int, default=0, help="so many packets are corrupt on purpose")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    reader, simulated, pulls = Reader(arguments.schemas), Summary(), collections.defaultdict(list)
    wrong, count, skipped, damaged = [], 0, 0, 0
    for name, packet in contents(arguments.packets):
        try:
            records = reader.read(packet)
        except Exception as error:
            damaged += 1
            wrong += [f"{name}: {type(error).__name__}: {error}"] if damaged > arguments.damaged else []
            continue
        skipped += not records
        for survey, record in records:
            count += 1
            simulated.add(survey, record, len(packet))
            wrong += [f"{name}: {what}" for what in check_stamps(survey, record, pulls[survey])]
    print(f"{count} packets read, {damaged} damaged, {skipped} of a schema that is not here")
    for survey, values in pulls.items():
        if len(values) > 20:
            scatter, far = numpy.std(values), numpy.mean(numpy.abs(values) > 5)
            print(f"{survey}: aperture less source over its noise: {numpy.mean(values):.2f} ± {scatter:.2f} of {len(values)}")
            if scatter > 1.6 or abs(numpy.mean(values)) > 0.5 or far > 0.01:
                wrong.append(f"{survey}: stamps are not as bright as their sources")
    if arguments.real:
        real = Summary()
        for path in arguments.real:
            for _, packet in contents(path):
                for survey, record in reader.read(packet):
                    real.add(survey, record, len(packet))
        wrong += compare(simulated, real)
    for what in wrong[:50]:
        print("WRONG", what)
    sys.exit(bool(wrong) or not count)


if __name__ == "__main__":
    main()
