#!/usr/bin/env python3
"""Searches cones and matches in PostgreSQL with q3c and pgSphere. catalog_postgres.py FOLDER

FOLDER has stars.parquet and near.parquet, as `--bench catalog` makes them, and cones.json: {"radius in degrees": [[ra, dec],
...], ...}. PostgreSQL 15 with both extensions must be installed; a cluster of its own is made in FOLDER/postgres, on a
socket there and no port, and kept, loaded and indexed, for the next run.

Prints {"load_s": {...}, "q3c": {radius: {"ms": [...], "rows": [...]}}, "pgsphere": {...}, "q3c_join": {"s": [...], "pairs",
"sum"}}: each cone is asked twice, the second time counts; sum is the sum of near.id * 7 + stars.source_id modulo 2^61.
"""

import os
import json
import pwd
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

BIN = Path("/usr/lib/postgresql/15/bin")
SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "4GB",
    "work_mem": "256MB",
    "maintenance_work_mem": "2GB",
    "random_page_cost": "1.1",
    "effective_cache_size": "12GB",
    "fsync": "off",
    "max_wal_size": "8GB",
}


def as_postgres(command):
    """PostgreSQL refuses to run as root."""
    user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    subprocess.run([*user, *map(str, command)], check=True, stdout=sys.stderr, cwd="/")


def start(folder):
    data = folder / "postgres"
    if not (data / "PG_VERSION").exists():
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir()
        if os.getuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(data, owner.pw_uid, owner.pw_gid)
        as_postgres([BIN / "initdb", "-D", data, "-A", "trust", "--locale=C", "-E", "UTF8"])
    options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
    options += f" -c unix_socket_directories={data}"
    as_postgres([BIN / "pg_ctl", "-D", data, "-w", "-l", data / "log", "-o", options, "start"])
    return data


def stop(data):
    as_postgres([BIN / "pg_ctl", "-D", data, "-m", "fast", "-w", "stop"])


def copy(cursor, table, path):
    with cursor.copy(f"COPY {table} FROM STDIN (FORMAT csv)") as into:
        for batch in pq.ParquetFile(path).iter_batches(1 << 18):
            sink = pa.BufferOutputStream()
            csv.write_csv(pa.Table.from_batches([batch]), sink, csv.WriteOptions(include_header=False))
            into.write(sink.getvalue().to_pybytes())


def pgsphere(cursor):
    """Its script names commutators and negators in a way that releases of PostgreSQL since 15.9 refuse; cones do without them."""
    try:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_sphere")
    except psycopg.errors.InvalidFunctionDefinition:
        share = subprocess.run([BIN / "pg_config", "--sharedir"], check=True, capture_output=True, text=True)
        script = Path(share.stdout.strip(), "extension", "pg_sphere--1.2.0.sql").read_text()
        script = "\n".join(line for line in script.splitlines() if not line.startswith("\\"))
        script = script.replace("MODULE_PATHNAME", "$libdir/pg_sphere")
        cursor.execute(re.sub(r",\s*(?:COMMUTATOR|NEGATOR)\s*=\s*[^\s,)]+\s*(?=[,)])", "", script))


def load(cursor, folder):
    spent = {}

    def step(name, work):
        begin = time.perf_counter()
        work()
        spent[name] = time.perf_counter() - begin
        print(f"{name}: {spent[name]:.1f} s", file=sys.stderr)

    sql = cursor.execute
    sql("CREATE EXTENSION IF NOT EXISTS q3c")
    pgsphere(cursor)
    sql("DROP TABLE IF EXISTS stars, near, heap")
    real = "g real, bp real, rp real, pmra real, pmdec real, parallax real"
    sql(f"CREATE UNLOGGED TABLE heap (source_id bigint, ra float8, dec float8, {real})")
    sql("CREATE UNLOGGED TABLE near (id bigint, truth bigint, ra float8, dec float8)")
    step("copy", lambda: copy(cursor, "heap", folder / "stars.parquet"))
    copy(cursor, "near", folder / "near.parquet")
    step(
        "order",
        lambda: sql(
            "CREATE UNLOGGED TABLE stars AS SELECT *, spoint(radians(ra), radians(dec)) AS pos FROM heap "
            "ORDER BY q3c_ang2ipix(ra, dec)"
        ),
    )
    sql("DROP TABLE heap")
    step("q3c index", lambda: sql("CREATE INDEX stars_q3c ON stars (q3c_ang2ipix(ra, dec))"))
    step("pgsphere index", lambda: sql("CREATE INDEX stars_pos ON stars USING gist (pos)"))
    sql("VACUUM ANALYZE stars")
    sql("VACUUM ANALYZE near")
    return spent


def cones(cursor, query, asked):
    found = {}
    for radius, centres in asked.items():
        ms, rows = [], []
        for ra, dec in centres:
            for _ in range(2):
                begin = time.perf_counter()
                row = cursor.execute(query, {"ra": ra, "dec": dec, "r": float(radius)}, prepare=True).fetchone()
                spent = time.perf_counter() - begin
            ms.append(spent * 1e3)
            rows.append(row[0])
        found[radius] = {"ms": ms, "rows": rows}
    return found


def main():
    folder = Path(sys.argv[1]).absolute()
    data = start(folder)
    try:
        with psycopg.connect(host=str(data), user="postgres", dbname="postgres", autocommit=True) as connection:
            cursor = connection.cursor()
            ready = data.parent / "postgres.loaded.json"
            if not ready.exists():
                ready.write_text(json.dumps(load(cursor, folder)))
            report = {"load_s": json.loads(ready.read_text())}
            if "--load-only" in sys.argv:
                return
            cursor.execute("SET max_parallel_workers_per_gather = 2")
            cursor.execute("SET jit = off")
            asked = json.loads((folder / "cones.json").read_text())
            # Planned anew each time q3c expands to ranges of the constants; that is how it is meant to be asked.
            report["q3c"] = cones(
                cursor, "SELECT count(*), sum(g) FROM stars WHERE q3c_radial_query(ra, dec, %(ra)s, %(dec)s, %(r)s)", asked
            )
            report["pgsphere"] = cones(
                cursor,
                "SELECT count(*), sum(g) FROM stars WHERE pos <@ "
                "scircle(spoint(radians(%(ra)s), radians(%(dec)s)), radians(%(r)s))",
                asked,
            )
            seconds = []
            for _ in range(3):
                begin = time.perf_counter()
                pairs, total = cursor.execute(
                    "SELECT count(*), sum(near.id * 7 + stars.source_id) FROM near, stars "
                    "WHERE q3c_join(near.ra, near.dec, stars.ra, stars.dec, 1.0 / 3600)"
                ).fetchone()
                seconds.append(time.perf_counter() - begin)
            report["q3c_join"] = {"s": seconds, "pairs": pairs, "sum": int(total) % (1 << 61)}
        print(json.dumps(report))
    finally:
        stop(data)


if __name__ == "__main__":
    main()
