#!/usr/bin/env python3
"""Writes data-fixtures/lightcurve: what astropy and lightkurve make of target pixel files.

  lightcurve_lightkurve.py --tpf data-fixtures/tess/FILE.fits [--out data-fixtures/lightcurve]

Equal bytes on every run with the same versions, which stand in made.txt. Of the real file, as astropy reads it:

  real.flux.be32, real.flux_err.be32   all pixels [time][row][column] as big-endian f32, bit for bit
  real.frames.csv                      the other columns of the table
  real.facts.txt                       KEYWORD VALUE; "aperture" is [row][column]; "sky X Y RA DEC" with 0-based pixels

Of it and of synthetic stamps NAME.fits, which are written here, as lightkurve reads them:

  NAME.threshold.csv   create_threshold_mask() of the file opened with the default quality mask; row 0 first
  NAME.sap.csv         to_lightcurve() of all frames (quality_bitmask="none"): flux and flux_err summed over the
                       threshold mask (empty cells where the mask is empty or the sum is NaN) and over all pixels
"""
import argparse
import hashlib
import os
import platform
import warnings

import astropy
import lightkurve
import numpy as np
import scipy
from astropy.io import fits
from astropy.wcs import WCS


def star(rows, columns, y, x, peak, width=0.8):
    """A round star without noise, [row][column]."""
    yy, xx = np.mgrid[:rows, :columns]
    return peak * np.exp(-((yy - y) ** 2 + (xx - x) ** 2) / (2 * width**2))


def stamps():
    """Yields name, flux [time][row][column], and time and quality where they are not the usual ones."""
    rng = np.random.default_rng(20261121)

    def noisy(frames, image, sigma=3.0):
        return image + rng.normal(0, sigma, (frames, *image.shape))

    yield "plain", noisy(15, 100 + star(11, 11, 5, 5, 900)), {}

    flux = noisy(16, 100 + star(11, 11, 4.6, 5.3, 900))
    quality = np.zeros(16, "i4")
    quality[[2, 3, 9]] = [128, 16384, 4]
    quality[[5, 6, 7]] = [4096, 64, 8192]
    time = 1325.0 + np.arange(16) / 48
    time[[0, 9, 12]] = np.nan
    flux[[0, 2, 3, 9, 12], 1, 1] = 1e6
    flux[4, 5, 5] = np.nan
    flux[8:, 2, 7] = np.nan
    flux[:, 10, 0] = np.nan
    yield "flags", flux, {"quality": quality, "time": time}

    yield "neighbour", noisy(9, 100 + star(11, 11, 1, 1, 5000) + star(11, 11, 6, 6, 400)), {}

    image = np.full((7, 7), 100.0)
    image[3, 3] = image[4, 4] = image[2, 4] = image[2, 5] = 1000
    yield "corner", noisy(5, image, 1), {}

    image = np.full((6, 6), 100.0)
    image[1, 1] = image[1, 5] = image[5, 1] = image[5, 5] = 1000
    yield "tie", noisy(4, image, 1), {}

    yield "constant", np.full((3, 4, 5), 7.0), {}

    flux = noisy(8, -500 + star(9, 9, 4, 4, 600))
    flux[:, 0, :] = np.nan
    flux[:, 4, 4:8] = np.nan
    yield "negative", flux, {}

    yield "oblong", noisy(8, 100 + star(9, 13, 4, 6, 900) + star(9, 13, 7, 12, 900)), {}

    flux = noisy(6, 100 + star(5, 5, 2, 2, 900))
    flux[1] = 0
    flux[3] = np.nan
    flux[4, 2, 2] = np.inf
    flux[2:, 0, 0] = np.inf
    yield "gaps", flux, {}

    yield "long", noisy(601, 100 + star(3, 4, 1, 2, 300, 0.4)), {}

    yield "none", np.broadcast_to(np.arange(1.0, 50.0).reshape(7, 7), (3, 7, 7)), {}


def write_stamp(path, flux, time=None, quality=None):
    """Writes a target pixel file as small as lightkurve allows, its columns in an order of their own."""
    frames, rows, columns = flux.shape
    flux = flux.astype("f4")
    with np.errstate(invalid="ignore"):
        error = np.sqrt(np.abs(flux)) + np.float32(1)
    time = 1325.0 + np.arange(frames) / 48 if time is None else time
    quality = np.zeros(frames, "i4") if quality is None else quality
    image = dict(format=f"{rows * columns}E", dim=f"({columns},{rows})", unit="e-/s")
    table = fits.BinTableHDU.from_columns(
        [
            fits.Column("QUALITY", "J", array=quality),
            fits.Column("CADENCENO", "J", array=np.arange(frames) + 100),
            fits.Column("TIME", "D", unit="BJD - 2457000, days", array=time),
            fits.Column("TIMECORR", "E", unit="d", array=np.full(frames, 0.001)),
            # lightkurve looks for their units at numbers 5 and 6, whatever the columns are called.
            fits.Column("FLUX", array=flux, **image),
            fits.Column("FLUX_ERR", array=error, **image),
        ],
        name="PIXELS",
    )
    primary = fits.PrimaryHDU()
    for hdu in (primary, table):
        hdu.header["BJDREFI"] = 2457000
        hdu.header["BJDREFF"] = 0.0
    primary.header.update(ORIGIN="Uranometria", CREATOR="TargetPixelFile", TELESCOP="TESS", SECTOR=1)
    aperture = fits.ImageHDU(np.ones((rows, columns), "i4"), name="APERTURE")
    fits.HDUList([primary, table, aperture]).writeto(path, overwrite=True)


def cell(value):
    return "" if np.isnan(value) else repr(float(value))


def write_lightkurve(path, out, name):
    mask = np.asarray(lightkurve.read(path).create_threshold_mask(), bool)
    np.savetxt(os.path.join(out, f"{name}.threshold.csv"), mask, "%d", ",")
    tpf = lightkurve.read(path, quality_bitmask="none")
    columns = []
    for aperture in (mask, np.ones_like(mask)):
        curve = tpf.to_lightcurve(aperture_mask=aperture)
        blank = np.full(len(curve.flux), np.nan)
        columns += [np.asarray(c.value) if aperture.any() else blank for c in (curve.flux, curve.flux_err)]
    with open(os.path.join(out, f"{name}.sap.csv"), "w", newline="\n") as file:
        file.write("flux_threshold,flux_err_threshold,flux_all,flux_err_all\n")
        file.writelines(",".join(map(cell, row)) + "\n" for row in zip(*columns))


def write_real(path, out):
    with fits.open(path, checksum=True) as hdus:
        table, aperture = hdus[1].data, hdus[2]
        for name in ("flux", "flux_err"):
            table[name.upper()].astype(">f4").tofile(os.path.join(out, f"real.{name}.be32"))
        names = ["TIME", "TIMECORR", "CADENCENO", "QUALITY", "POS_CORR1", "POS_CORR2", "FFI_FILE"]
        with open(os.path.join(out, "real.frames.csv"), "w", newline="\n") as file:
            file.write(",".join(names).lower() + "\n")
            for row in table:
                values = [row[name] for name in names]
                file.write(",".join(v if isinstance(v, str) else repr(v.item()) for v in values) + "\n")
        facts = [("frames", len(table)), ("rows", table["FLUX"].shape[1]), ("columns", table["FLUX"].shape[2])]
        facts += [("column0", hdus[1].header["1CRV5P"]), ("row0", hdus[1].header["2CRV5P"])]
        facts += [(key.lower(), hdus[0].header[key]) for key in ("SECTOR", "CAMERA", "CCD", "RA_OBJ", "DEC_OBJ")]
        facts += [("flux_unit", hdus[1].header["TUNIT5"])]
        facts += [("aperture", " ".join(map(str, aperture.data.ravel())))]
        wcs = WCS(aperture.header)
        for x, y in [(0, 0), (5, 0), (2.5, 2.5), (0, 5), (5, 5)]:
            ra, dec = wcs.wcs_pix2world(x, y, 0)
            facts += [("sky", f"{x} {y} {ra.item()!r} {dec.item()!r}")]
        with open(os.path.join(out, "real.facts.txt"), "w", newline="\n") as file:
            file.writelines(f"{key} {value}\n" for key, value in facts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tpf", required=True)
    parser.add_argument("--out", default="data-fixtures/lightcurve")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    os.makedirs(options.out, exist_ok=True)
    write_real(options.tpf, options.out)
    write_lightkurve(options.tpf, options.out, "real")
    for name, flux, columns in stamps():
        path = os.path.join(options.out, f"{name}.fits")
        write_stamp(path, flux, **columns)
        write_lightkurve(path, options.out, name)
    with open(os.path.join(options.out, "made.txt"), "w", newline="\n") as file:
        file.write(f"python {platform.python_version()}\n")
        for module in (astropy, lightkurve, np, scipy):
            file.write(f"{module.__name__} {module.__version__}\n")
        for name in sorted(os.listdir(options.out)):
            if name not in ("made.txt", "README.md"):
                with open(os.path.join(options.out, name), "rb") as data:
                    file.write(f"sha256 {hashlib.sha256(data.read()).hexdigest()}  {name}\n")


if __name__ == "__main__":
    main()
