#!/usr/bin/env python3
"""Times tsdownsample's downsamplers, with x, on one thread.

  downsample.py FILE CHOSEN ROUNDS

FILE has all x, then all y, little-endian f64. Each downsampler runs once before the clock starts. Prints JSON: for each
a list of wall_s and cpu_s.
"""

import sys

import numpy as np
from measured import report, timed
from tsdownsample import LTTBDownsampler, M4Downsampler, MinMaxDownsampler, MinMaxLTTBDownsampler


def main():
    path, chosen, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    x, y = np.fromfile(path).reshape(2, -1)
    rivals = {
        "LTTB": LTTBDownsampler(),
        "MinMax": MinMaxDownsampler(),
        "MinMaxLTTB": MinMaxLTTBDownsampler(),
        "M4": M4Downsampler(),
    }
    times = {name: [] for name in rivals}
    for turn in range(rounds + 1):
        for name, rival in rivals.items():
            _, spent = timed(lambda: rival.downsample(x, y, n_out=chosen))
            if turn > 0:
                times[name].append(spent)
    report(times)


if __name__ == "__main__":
    main()
