-- name: fink.microlensing_candidates
-- version: 1
-- description: Microlensing candidates, as fink-filters 7.45 has them
mulens > 0
