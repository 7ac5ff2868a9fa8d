#!/usr/bin/env python3
"""Lets astrocut make a cube or cut from one.

  astrocut_run.py cube OUT FRAME...
  astrocut_run.py cut CUBE RA DEC COLUMNS ROWS OUT

A cut is made from a cube of any program; RA and Dec are degrees, and OUT is a target pixel file.

Needs astrocut 1.4.0.
"""
import os
import sys
import warnings

warnings.simplefilter("ignore")

from astrocut import CubeFactory, CutoutFactory  # noqa: E402


def main(verb, *rest):
    if verb == "cube":
        out, *frames = rest
        CubeFactory().make_cube(frames, cube_file=out, max_memory=1)
    else:
        cube, ra, dec, columns, rows, out = rest
        # Documented as (ny, nx), applied as (nx, ny).
        size = [int(columns), int(rows)]
        folder, name = os.path.split(out)
        CutoutFactory().cube_cut(cube, f"{ra} {dec}", size, output_path=folder, target_pixel_file=name)
    print("ok")


if __name__ == "__main__":
    if len(sys.argv) < 4 or sys.argv[1] not in ("cube", "cut"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
