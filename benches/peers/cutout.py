#!/usr/bin/env python3
"""Times astrocut's CutoutFactory.cube_cut in one warm process.

  cutout.py CUBE FOLDER SIZE RA,DEC...

Cuts SIZE x SIZE pixels at each position into FOLDER; the first position is cut once before the clock starts. Each
file is removed after its time is taken. Prints JSON: wall_s and cpu_s, lists of a number for each position.
"""

import os
import sys
import warnings

from measured import report, timed


def main():
    cube, folder, size, *places = sys.argv[1:]
    from astrocut import CutoutFactory
    from astropy.coordinates import SkyCoord

    warnings.simplefilter("ignore")

    def cut(place):
        ra, dec = map(float, place.split(","))
        position = SkyCoord(ra, dec, unit="deg")
        return CutoutFactory().cube_cut(cube, position, int(size), output_path=folder)

    os.remove(cut(places[0]))
    times = []
    for place in places:
        path, seconds = timed(lambda: cut(place))
        os.remove(path)
        times.append(seconds)
    report({key: [one[key] for one in times] for key in ("wall_s", "cpu_s")})


if __name__ == "__main__":
    main()
