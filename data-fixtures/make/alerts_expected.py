"""What fastavro and pyarrow read in packets and nights of alerts: for each row and column a CRC-32 of all values in it.

    python alerts_expected.py FILE... > expected.json

A value is put to bytes: null as `n`; true and false as `t`, `f`; whole numbers as `i` and their digits, `;`; floats as
`d` and the eight bytes of the double, least first (any NaN as one); text as `s`, its length in bytes, `:` and it; bytes
as `b` likewise; lists as `[` items `]`; records as `{`, for each field its name and `=` and its value, `}`; maps as
records of ascending keys. Times are whole numbers of their unit. Made with fastavro 1.13.1 and pyarrow 26.0.1.
"""

import datetime
import json
import os
import struct
import sys
import zlib

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def put(value, out):
    if value is None:
        out.append(b"n")
    elif value is True:
        out.append(b"t")
    elif value is False:
        out.append(b"f")
    elif isinstance(value, int):
        out.append(b"i%d;" % value)
    elif isinstance(value, float):
        out.append(b"d" + struct.pack("<d", value if value == value else float("nan")))
    elif isinstance(value, str):
        text = value.encode()
        out.append(b"s%d:" % len(text) + text)
    elif isinstance(value, bytes):
        out.append(b"b%d:" % len(value) + value)
    elif isinstance(value, list):
        out.append(b"[")
        for item in value:
            put(item, out)
        out.append(b"]")
    elif isinstance(value, dict):
        out.append(b"{")
        for name, item in value.items():
            out.append(name.encode() + b"=")
            put(item, out)
        out.append(b"}")
    elif isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            value = value.replace(tzinfo=datetime.timezone.utc)
        put((value - EPOCH) // datetime.timedelta(microseconds=1), out)
    else:
        raise TypeError(type(value))


def digest(value):
    out = []
    put(value, out)
    return zlib.crc32(b"".join(out))


def sorted_maps(value, schema):
    """Avro's maps with ascending keys, by the schema."""
    if isinstance(schema, list):
        for branch in schema:
            value = sorted_maps(value, branch)
        return value
    if not isinstance(schema, dict) or value is None:
        return value
    if schema.get("type") == "map" and isinstance(value, dict):
        return {key: value[key] for key in sorted(value)}
    return value


def plain(value, kind):
    """pyarrow's maps as records of ascending keys."""
    if value is None:
        return None
    if pa.types.is_map(kind):
        return {key: plain(item, kind.item_type) for key, item in sorted(value)}
    if pa.types.is_struct(kind):
        return {field.name: plain(value[field.name], field.type) for field in kind}
    if pa.types.is_list(kind):
        return [plain(item, kind.value_type) for item in value]
    return value


def avro(path):
    with open(path, "rb") as file:
        reader = fastavro.reader(file)
        schema = {field["name"]: field["type"] for field in reader.writer_schema["fields"]}
        rows = list(reader)
    return {name: [digest(sorted_maps(row[name], schema[name])) for row in rows] for name in schema}


def parquet(path):
    table = pq.read_table(path)
    columns = {}
    for field in table.schema:
        column = table.column(field.name)
        if pa.types.is_timestamp(field.type):
            column = column.cast(pa.int64())
            field = field.with_type(pa.int64())
        columns[field.name] = [digest(plain(value, field.type)) for value in column.to_pylist()]
    return columns


expected = {
    os.path.basename(path): (avro if path.endswith(".avro") else parquet)(path) for path in sys.argv[1:]
}
json.dump(expected, sys.stdout, indent=None, separators=(",", ":"), sort_keys=True)
print()
