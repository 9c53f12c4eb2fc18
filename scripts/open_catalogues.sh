#!/usr/bin/env bash
# Publishes the sample's nights as HATS collections and opens them in LSDB, DuckDB, polars and pandas: first from packets, then
# from an archive, night after night. Then moves a threshold, and holds `skydiff diff` against DuckDB.
# Makes a Python of its own in target/python (about 1.4 GB, once).
set -euo pipefail
cd "$(dirname "$0")/.."

python=target/python/bin/python
if ! "$python" -c 'import lsdb, duckdb, polars' 2>/dev/null; then
  python3 -m venv target/python
  "$python" -m pip install --quiet 'lsdb==0.11.1' duckdb polars
fi
rm -rf target/catalogues
cargo run --quiet --locked -- publish --from tests/sample --to target/catalogues
# A second time, so that there is an edition before the one that is read.
cargo run --quiet --locked -- publish --from tests/sample --to target/catalogues
"$python" tests/python/open_catalogues.py target/catalogues

skydiff() { cargo run --quiet --locked -- "$@"; }
work=target/catalogues/work
rm -rf "$work" && mkdir -p "$work/nights"
for night in tests/sample/*.tar.gz; do
  cp "$night" "$work/nights"
  skydiff run --from "$work/nights" --archive "$work/arch" --to "$work/live" >/dev/null
  case $night in *[0369].tar.gz) skydiff publish --archive "$work/arch" --to "$work/catalogues" ;; esac
done
skydiff publish --archive "$work/arch" --to "$work/catalogues"
"$python" tests/python/open_catalogues.py "$work/catalogues"

printf '[timescales]\ntrend_z = 3.0\nvariable_z = 3.0\n' >"$work/lower.toml"
skydiff replay "$work/lower.toml" --archive "$work/arch" --to "$work/lower" >/dev/null
skydiff publish --archive "$work/arch" --job "$work/lower.toml" --to "$work/lower-cat"
skydiff diff "$work/arch" "$work/lower" --json --parquet "$work/diff.parquet" >"$work/diff.json"
"$python" tests/python/diff_by_duckdb.py "$work/catalogues" "$work/lower-cat" "$work/diff.json" "$work/diff.parquet"
skydiff diff "$work/arch" "$work/live" | grep -q ' 0 differences'
