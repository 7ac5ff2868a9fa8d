#!/usr/bin/env python3
"""Times astrocut's CubeFactory.make_cube.

  cube_build.py OUT SECTOR FFI... | @LIST

OUT is synced to disk, within the time. Prints JSON: wall_s and cpu_s of the call in this process, imports left out,
and peak_bytes of the process.
"""

import os
import sys
import warnings

from measured import peak_memory, report, timed


def main():
    out, sector, *frames = sys.argv[1:]
    if frames[0].startswith("@"):
        with open(frames[0][1:]) as listed:
            frames = listed.read().split("\n")
    frames = [frame for frame in frames if frame]
    from astrocut import CubeFactory

    warnings.simplefilter("ignore")

    def make():
        CubeFactory().make_cube(frames, out, sector=int(sector), verbose=False)
        with open(out, "rb+") as file:
            os.fsync(file.fileno())

    _, seconds = timed(make)
    report(seconds | {"peak_bytes": peak_memory()})


if __name__ == "__main__":
    main()
