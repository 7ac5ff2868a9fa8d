//! Packets, nights and what stands between them, against fastavro, pyarrow and the truth of simulated nights; conditions and
//! filters, against the same in Python.

mod conditions;
mod filters;
mod hostile;
mod ingest;
mod nights;
mod packets;
mod random;
mod sample;
mod samples;
mod support;
