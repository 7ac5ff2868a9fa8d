#!/usr/bin/env python3
"""Makes a cube with astrocut of small full-frame images, and a target pixel file cut from it with astrocut.

  astrocut_cube.py FRAME... --out DIR --ra DEG --dec DEG [--later 2]

FRAME are SPOC frames of one chip, for example made by `ur simulate sector`. DIR gets the frames, cube.fits of all but
the last --later ones, and cut.fits: 5 x 5 pixels around the position.

Needs astrocut 1.4.0.
"""
import argparse
import os
import shutil
import warnings

warnings.simplefilter("ignore")

from astrocut import CubeFactory, CutoutFactory  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames", nargs="+")
    parser.add_argument("--out", required=True)
    parser.add_argument("--ra", type=float, required=True)
    parser.add_argument("--dec", type=float, required=True)
    parser.add_argument("--later", type=int, default=2)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    for path in args.frames:
        shutil.copyfile(path, os.path.join(args.out, os.path.basename(path)))
    paths = sorted(args.frames)[: len(args.frames) - args.later]
    cube = os.path.join(args.out, "cube.fits")
    CubeFactory().make_cube(paths, cube_file=cube, max_memory=1)
    CutoutFactory().cube_cut(
        cube, f"{args.ra} {args.dec}", 5, output_path=args.out, target_pixel_file="cut.fits"
    )


if __name__ == "__main__":
    main()
