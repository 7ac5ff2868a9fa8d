-- name: fink.blazar
-- version: 1
-- description: Blazars of SIMBAD, as fink-filters 7.45 has them
cdsxmatch IN ('Blazar', 'Blazar_Candidate', 'BLLac', 'BLLac_Candidate')
