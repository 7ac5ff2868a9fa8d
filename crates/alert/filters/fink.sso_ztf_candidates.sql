-- name: fink.sso_ztf_candidates
-- version: 1
-- description: Known objects of the Solar System, as fink-filters 7.45 has them
roid = 3
