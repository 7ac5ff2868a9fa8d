#!/usr/bin/env python3
"""Makes tile-compressed full-frame images, the same ones uncompressed, and one scaled to integers.

  compressed_frames.py FRAME... --out DIR

FRAME are SPOC frames of one chip, for example made by `ur simulate sector`. For each of them DIR gets NAME.fits, as it
is, and NAME.fits.fz, whose two images are compressed by tiles without loss (GZIP_2, no quantisation), as MAST's are by
Rice. NAME-scaled.fits holds the first frame as 16-bit integers with BSCALE and BZERO, NAME-scaled.f32 what astropy
makes of its pixels: both planes, big-endian f32.

Needs astropy 8.0.2.
"""
import argparse
import os
import shutil

import numpy as np
from astropy.io import fits


def compressed(path, out):
    with fits.open(path) as hdus:
        new = fits.HDUList([hdus[0].copy()])
        for hdu in hdus[1:]:
            new.append(
                fits.CompImageHDU(
                    hdu.data, hdu.header, compression_type="GZIP_2", quantize_level=0, tile_shape=(4, hdu.shape[1])
                )
            )
        new.writeto(out, overwrite=True, checksum=False)


def scaled(path, out):
    with fits.open(path) as hdus:
        new = fits.HDUList([hdus[0].copy()])
        for hdu in hdus[1:]:
            low, high = float(hdu.data.min()), float(hdu.data.max())
            scale, zero = (high - low) / 60000.0, (high + low) / 2.0
            image = fits.ImageHDU(np.round((hdu.data - zero) / scale).astype(">i2"), hdu.header)
            image.header["BSCALE"] = scale
            image.header["BZERO"] = zero
            new.append(image)
        new.writeto(out, overwrite=True, checksum=False)
        # astropy drops the scaling of integer data, so the cards are written into the file's bytes.
    with fits.open(out, mode="update", do_not_scale_image_data=True) as hdus, fits.open(path) as before:
        for hdu, old in zip(hdus[1:], before[1:]):
            low, high = float(old.data.min()), float(old.data.max())
            hdu.header["BSCALE"] = (high - low) / 60000.0
            hdu.header["BZERO"] = (high + low) / 2.0
    with fits.open(out, do_not_scale_image_data=True) as hdus, open(os.path.splitext(out)[0] + ".f32", "wb") as f:
        for hdu in hdus[1:]:
            # In double precision and rounded once; astropy itself scales 16-bit integers in single precision.
            values = hdu.data.astype(np.float64) * hdu.header["BSCALE"] + hdu.header["BZERO"]
            f.write(values.astype(">f4").tobytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames", nargs="+")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    for path in args.frames:
        name = os.path.basename(path)
        shutil.copyfile(path, os.path.join(args.out, name))
        compressed(path, os.path.join(args.out, name + ".fz"))
    first = os.path.splitext(os.path.basename(args.frames[0]))[0]
    scaled(args.frames[0], os.path.join(args.out, first + "-scaled.fits"))


if __name__ == "__main__":
    main()
