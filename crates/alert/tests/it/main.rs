//! Packets, nights and what stands between them, against fastavro, pyarrow and the truth of simulated nights.

mod hostile;
mod ingest;
mod packets;
mod samples;
mod support;
