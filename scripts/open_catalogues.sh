#!/usr/bin/env bash
# Publishes the sample's nights as HATS collections and opens them in LSDB, DuckDB, polars and pandas.
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
