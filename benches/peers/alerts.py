#!/usr/bin/env python3
"""Times fastavro on a container file of alerts in memory, on one thread.

  alerts.py FILE ROUNDS

Reads all alerts with all fields, and by a reader's schema without the cutouts. Each way runs once before the clock
starts. Prints JSON: for each the alerts and a list of wall_s and cpu_s.
"""

import io
import sys

import fastavro
from measured import report, timed


def main():
    data, rounds = open(sys.argv[1], "rb").read(), int(sys.argv[2])
    schema = fastavro.reader(io.BytesIO(data)).writer_schema
    fields = [field for field in schema["fields"] if not field["name"].startswith("cutout")]
    light = {key: value for key, value in schema.items() if not key.startswith("__")} | {"fields": fields}
    ways = {"kept": None, "skipped": light}
    times = {name: {"alerts": 0, "spent": []} for name in ways}
    for turn in range(rounds + 1):
        for name, wanted in ways.items():
            count, spent = timed(lambda: sum(1 for _ in fastavro.reader(io.BytesIO(data), wanted)))
            times[name]["alerts"] = count
            if turn > 0:
                times[name]["spent"].append(spent)
    report(times)


if __name__ == "__main__":
    main()
