#!/usr/bin/env python3
"""Chooses alerts of a night with DuckDB on one thread and writes their light curves. alert_filter.py FILES OUT

Prints {"seconds", "processor", "kept"}; importing DuckDB is not counted.
"""
import json
import sys
import time

import duckdb

connection = duckdb.connect()
connection.execute("SET threads = 1")
wall, processor = time.perf_counter(), time.process_time()
connection.execute(f"""
    COPY (
        SELECT objectId, candid,
            struct_pack(magpsf := candidate.magpsf, sigmapsf := candidate.sigmapsf, fid := candidate.fid, jd := candidate.jd,
                ra := candidate.ra, dec := candidate.dec, ssnamenr := candidate.ssnamenr) AS candidate,
            rf_snia_vs_nonia, snn_snia_vs_nonia, snn_sn_vs_all, roid, rf_kn_vs_nonkn, tracklet, mulens, cdsxmatch, tns,
            spicy_class
        FROM read_parquet('{sys.argv[1]}')
        WHERE candidate.magpsf < 17.5 AND candidate.rb >= 0.65 AND candidate.nbad = 0
    ) TO '{sys.argv[2]}' (FORMAT parquet)""")
spent = time.perf_counter() - wall, time.process_time() - processor
kept = connection.execute(f"SELECT count(*) FROM read_parquet('{sys.argv[2]}')").fetchone()[0]
print(json.dumps({"seconds": spent[0], "processor": spent[1], "kept": kept}))
