-- name: fink.simbad_candidates
-- version: 1
-- description: What SIMBAD has and calls no galaxy, as fink-filters 7.45 has them
cdsxmatch NOT IN ('Unknown', 'Transient');
cdsxmatch NOT LIKE 'Fail%';
cdsxmatch NOT LIKE 'Galaxy%'
