"""Opens what `skydiff publish` wrote as an astronomer would: LSDB, DuckDB, polars, pandas. Counts must agree in all of them.

    python tests/python/open_catalogues.py .../catalogues
"""

import glob
import json
import os
import sys
from pathlib import Path

import duckdb
import lsdb
import pandas
import polars


def edition(collection: Path) -> Path:
    """The folder that readers of a collection go by."""
    lines = (collection / "collection.properties").read_text().splitlines()
    return collection / dict(line.split("=", 1) for line in lines)["hats_primary_table_url"]


def counts(root: Path, name: str) -> int:
    """The rows of a collection, by everyone."""
    folder = edition(root / name)
    ours = sum(tile["rows"] for tile in json.loads((folder / "skydiff.json").read_text())["tiles"])
    files = f"{folder}/dataset/**/*.parquet"
    catalogue = lsdb.open_catalog(root / name)
    by_pandas = sum(len(pandas.read_parquet(file, columns=["ra"])) for file in glob.glob(files, recursive=True))
    found = {
        "LSDB": len(catalogue),
        "LSDB, computed": len(catalogue.compute()),
        "DuckDB": duckdb.sql(f"select count(*) from read_parquet('{files}')").fetchall()[0][0],
        "polars": polars.scan_parquet(files).select(polars.len()).collect().item(),
        "pandas": by_pandas,
    }
    assert set(found.values()) == {ours}, (name, ours, found)
    print(f"{name}: {ours} rows by {', '.join(found)}")
    return ours


def cones(root: Path) -> None:
    """A cone search finds what a look at every object finds."""
    objects = lsdb.open_catalog(root / "objects")
    everything = objects.compute()
    from astropy.coordinates import SkyCoord

    places = SkyCoord(everything["ra"].to_numpy(), everything["dec"].to_numpy(), unit="deg")
    for centre, radius in [(0, 600.0), (len(everything) // 2, 36_000.0), (len(everything) - 1, 180_000.0)]:
        near = places[centre].separation(places).arcsec <= radius
        found = objects.cone_search(everything["ra"].iloc[centre], everything["dec"].iloc[centre], radius).compute()
        assert sorted(found["object"]) == sorted(everything["object"][near]), (centre, radius)
        print(f"cone of {radius:.0f} arcsec: {len(found)} objects")


def light_curves(root: Path) -> None:
    """Nested queries, by LSDB and by DuckDB."""
    objects = lsdb.open_catalog(root / "objects", columns=["ra", "dec", "object", "sources", "states"])
    bright = objects.query("sources.flux > 0 and sources.quality == ''").compute()
    files = f"{edition(root / 'objects')}/dataset/**/*.parquet"
    by_duckdb = duckdb.sql(
        "select count(*) from (select unnest(sources.flux) as flux, unnest(sources.quality) as quality "
        f"from read_parquet('{files}')) where flux > 0 and quality = ''"
    ).fetchall()[0][0]
    rows = sum(0 if curve is None else len(curve) for curve in bright["sources"])
    assert rows == by_duckdb > 0, (rows, by_duckdb)
    print(f"{rows} good sources with positive flux")
    new = duckdb.sql(
        f"select count(*) from read_parquet('{files}') where list_contains(states.state, 'new')"
    ).fetchall()[0][0]
    held = objects.query("states.state == 'new'").compute()
    assert sum(1 for states in held["states"] if states is not None and len(states)) == new
    print(f"{new} objects are new at some timescale")
    # Only the columns that are asked for are read.
    part = lsdb.open_catalog(root / "objects", columns=["ra", "dec", "sources.mjd_tai"]).compute()
    assert list(part["sources"].iloc[0].columns) == ["mjd_tai"], part["sources"].iloc[0]


def readme(root: Path) -> None:
    """What the README shows runs as it stands."""
    text = (Path(__file__).parents[2] / "README.md").read_text()
    snippets = [block.split("```")[0] for block in text.split("```python\n")[1:]]
    snippet = next(block for block in snippets if "import lsdb" in block)
    os.chdir(root.parent)
    shown: list = []
    for line in snippet.splitlines():
        code = line.split("#")[0].strip()
        result = exec(code, globals()) if code.startswith(("import", "objects =")) else eval(code, globals())
        shown += [] if result is None else [len(result)]
    assert all(shown), shown
    print(f"the README's lines: {shown} objects")


def main() -> None:
    root = Path(sys.argv[1]).resolve()
    alerts, objects = counts(root, "alerts"), counts(root, "objects")
    assert alerts >= objects > 0, (alerts, objects)
    cones(root)
    light_curves(root)
    readme(root)


if __name__ == "__main__":
    main()
