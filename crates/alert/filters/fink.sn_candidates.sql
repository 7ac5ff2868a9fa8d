-- name: fink.sn_candidates
-- version: 1
-- description: Supernova candidates, as fink-filters 7.45 has them
snn_snia_vs_nonia > 0.5 OR snn_sn_vs_all > 0.5;
cdsxmatch IN ('BClG', 'BlueCompG', 'Candidate_SN*', 'ClG', 'Compact_Gr_G', 'EmG', 'Fail', 'Fail 504', 'Galaxy', 'GinCl',
  'GinGroup', 'GinPair', 'GravLens_Candidate', 'GroupG', 'HII_G', 'High_z_G', 'IG', 'LINER', 'LSB_G', 'PairG', 'PartofG',
  'Possible_ClG', 'Possible_SClG', 'SN', 'SN*_Candidate', 'Seyfert', 'Seyfert_1', 'Seyfert_2', 'StarburstG', 'SuperClG',
  'Transient', 'Unknown', 'Void', 'galaxy');
candidate.jd - candidate.jdstarthist <= 90;
candidate.drb > 0.5;
candidate.classtar > 0.4;
roid <> 3;
candidate.ndethist > 1
