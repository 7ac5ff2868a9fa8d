#!/usr/bin/env python3
"""Counts the rows of a HATS catalogue by cells and by colour and magnitude with DuckDB. query.py CATALOGUE ROUNDS THREADS

Prints {"density": {"s": [...], "groups", "rows"}, "histogram": {...}}; rows are fetched as Arrow, and a first run
of each not counted.
"""
import json
import sys
import time

import duckdb

QUERIES = {
    "density": "SELECT _healpix_29 >> 46 AS cell, count(*) AS n FROM stars GROUP BY cell",
    "histogram": "SELECT CAST(floor((bp - rp)::DOUBLE * 10) AS INTEGER) AS c, CAST(floor(g::DOUBLE * 10) AS INTEGER) AS m, count(*) AS n "
    "FROM stars GROUP BY c, m",
}


def main():
    catalogue, rounds, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    connection = duckdb.connect(config={"threads": threads})
    connection.execute(f"CREATE VIEW stars AS SELECT * FROM read_parquet('{catalogue}/dataset/Norder*/Dir*/*.parquet')")
    report = {}
    for name, query in QUERIES.items():
        seconds = []
        for _ in range(rounds + 1):
            start = time.perf_counter()
            found = connection.execute(query).to_arrow_table()
            seconds.append(time.perf_counter() - start)
        report[name] = {"s": seconds[1:], "groups": len(found), "rows": sum(found["n"].to_pylist())}
    print(json.dumps(report))


if __name__ == "__main__":
    main()
