"""fastavro reads from ARGV[1] the alerts that pyarrow reads from ARGV[2]: folders of `ur alerts filter`.

Every field of every alert is compared. Null is the second type of each union.
"""
import datetime
import math
import pathlib
import sys

import fastavro
import pyarrow.parquet

by_avro, by_parquet = (pathlib.Path(path) for path in sys.argv[1:3])


def same(found, wanted):
    if isinstance(found, dict) and isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(same(found[name], wanted[name]) for name in found)
    if isinstance(found, list) and isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(found, float) and isinstance(wanted, float):
        return found == wanted or math.isnan(found) and math.isnan(wanted)
    if isinstance(wanted, datetime.datetime) and wanted.tzinfo is None and isinstance(found, datetime.datetime):
        found = found.replace(tzinfo=None)
    return type(found) is type(wanted) and found == wanted


def unions(schema, path=""):
    """The unions with null of a schema, with their paths."""
    if isinstance(schema, list):
        yield path, schema
        for kind in schema:
            yield from unions(kind, path)
    elif isinstance(schema, dict):
        for field in schema.get("fields", []):
            yield from unions(field["type"], f"{path}.{field['name']}")
        for inner in ("items", "values"):
            if inner in schema:
                yield from unions(schema[inner], path)


alerts, names = [], set()
for path in sorted(by_avro.rglob("part-*.avro")):
    with open(path, "rb") as file:
        reader = fastavro.reader(file)
        alerts.extend(reader)
        names.add(reader.writer_schema["name"])
        for field, kinds in unions(reader.writer_schema):
            assert "null" not in kinds or kinds[-1] == "null", (field, kinds)
wanted = [row for path in sorted(by_parquet.rglob("part-*.parquet")) for row in pyarrow.parquet.ParquetFile(path).read().to_pylist()]
assert len(alerts) == len(wanted) > 0, (len(alerts), len(wanted))
for found, row in zip(alerts, wanted):
    for name in row.keys() | found.keys():
        assert same(found.get(name), row.get(name)), (name, found.get(name), row.get(name))
print(f"ok {len(alerts)} alerts, {len(wanted[0])} fields, {', '.join(sorted(names))}")
