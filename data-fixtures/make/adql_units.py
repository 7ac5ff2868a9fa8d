#!/usr/bin/env python3
"""Writes data-fixtures/adql/units.csv: pairs of units and the number that turns the first into the second, by astropy.

    adql_units.py > ../adql/units.csv

Without a number where they measure different things. astropy's name of a unit stands beside where it has no ours.
"""
import astropy
from astropy import units as u

PAIRS = [
    ("deg", "arcsec"), ("arcsec", "deg"), ("mas", "deg"), ("deg", "mas"), ("mas/yr", "deg/yr"), ("rad", "deg"), ("deg", "rad"),
    ("arcmin", "deg"), ("uas", "mas"), ("mas.yr**-1", "arcsec.yr**-1"), ("marcsec", "mas"), ("sr", "deg**2"), ("deg2", "sr"),
    ("hourangle", "deg"), ("km/s", "m/s"), ("km.s**-1", "pc/Myr"), ("km s-1", "au/yr"), ("pc", "lyr"), ("kpc", "pc"), ("Mpc", "km"),
    ("AU", "km"), ("Angstrom", "nm"), ("um", "Angstrom"), ("mm", "m"), ("cm", "m"), ("d", "s"), ("h", "min"), ("yr", "d"),
    ("a", "yr"), ("Gyr", "s"), ("Myr", "yr"), ("Hz", "s**-1"), ("GHz", "Hz"), ("Jy", "W.m**-2.Hz**-1"), ("mJy", "Jy"),
    ("erg.s**-1.cm**-2", "W.m**-2"), ("W/m**2/Hz", "Jy"), ("erg/s/cm^2/Angstrom", "W.m**-3"), ("eV", "J"), ("keV", "erg"), ("J", "erg"),
    ("solMass", "kg"), ("solRad", "km"), ("solLum", "W"), ("kg", "g"), ("mag", "mmag"), ("e-/s", "electron/s"), ("adu", "adu"),
    ("pix**2", "pix2"), ("byte", "bit"), ("kbyte", "byte"), ("K", "mK"), ("G", "T"), ("uG", "nT"), ("Pa", "N.m**-2"), ("V", "J.C**-1"),
    ("Ohm", "V/A"), ("F", "C/V"), ("T", "Wb.m**-2"), ("H", "Wb/A"), ("lm", "lm"), ("lx", "lm.m**-2"), ("mol", "mmol"), ("u", "kg"),
    ("barn", "m**2"), ("10**-3.Jy", "mJy"), ("1.5m", "m"), ("Jy**(1/2)", "mJy**(1/2)"), ("%", ""), ("count/s", "ct.s**-1"),
    ("deg", "s"), ("mag", "Jy"), ("km/s", "km"), ("electron", "adu"), ("K", "eV"), ("pc", "arcsec"),
]

# Ours, and how astropy spells it.
SPELT = {
    "marcsec": "mas", "10**-3.Jy": "1e-3 Jy", "e-/s": "electron/s", "hourangle": "hourangle", "1.5m": "1.5 m", "%": "%",
    "erg/s/cm^2/Angstrom": "erg / (s cm2 Angstrom)", "W/m**2/Hz": "W / (m2 Hz)", "km s-1": "km / s", "Jy**(1/2)": "Jy(1/2)",
    "mJy**(1/2)": "mJy(1/2)",
}


def unit(text):
    return u.Unit(SPELT.get(text, text.replace("**", "").replace(".", " ")) if text else "")


print(f"# astropy {astropy.__version__}")
print("from,to,factor")
for start, end in PAIRS:
    try:
        print(f"{start},{end},{unit(start).to(unit(end))!r}")
    except u.UnitConversionError:
        print(f"{start},{end},")
