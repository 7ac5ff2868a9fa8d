-- name: fink.yso_candidates
-- version: 1
-- description: Candidates of young stars in SIMBAD, as fink-filters 7.45 has them
cdsxmatch IN ('Candidate_YSO', 'Candidate_TTau*', 'YSO_Candidate', 'TTau*_Candidate')
