-- name: fink.tns_match
-- version: 1
-- description: Young transients that the Transient Name Server knows, as fink-filters 7.45 has them
tns <> '';
candidate.jd - candidate.jdstarthist <= 30
