-- name: fink.sso_fink_candidates
-- version: 1
-- description: Candidates of the Solar System, as fink-filters 7.45 has them
roid = 2
