-- name: fink.kn_candidates
-- version: 1
-- description: Kilonova candidates by machine learning, as fink-filters 7.45 has them
rf_kn_vs_nonkn > 0.5;
candidate.drb > 0.5;
candidate.classtar > 0.4;
candidate.jd - candidate.jdstarthist < 5;
candidate.ndethist < 20;
roid <> 3;
cdsxmatch IN ('BClG', 'BlueCompG', 'Candidate_SN*', 'ClG', 'Compact_Gr_G', 'EmG', 'Fail', 'Fail 504', 'Galaxy', 'GinCl',
  'GinGroup', 'GinPair', 'GravLens_Candidate', 'GroupG', 'HII_G', 'High_z_G', 'IG', 'LINER', 'LSB_G', 'PairG', 'PartofG',
  'Possible_ClG', 'Possible_SClG', 'SN', 'SN*_Candidate', 'Seyfert', 'Seyfert_1', 'Seyfert_2', 'StarburstG', 'SuperClG',
  'Transient', 'Unknown', 'Void', 'galaxy')
