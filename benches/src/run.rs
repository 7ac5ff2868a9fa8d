//! How a benchmark is called.

use std::path::PathBuf;

use clap::Args;

use crate::input::{Error, Folder, Scale};
use crate::peers::Peers;

/// The arguments that all benchmarks know.
#[derive(Args, Debug)]
pub struct Common {
    /// Measure on whole chips: 4 GB of input, about ten minutes, most of them astrocut's
    #[arg(long)]
    pub full: bool,
    /// How often each rival is run
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Folder for input and output, on the disk to measure [default: target/bench-data]
    #[arg(long, env = "UR_BENCH_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Python environment with astrocut, made by benches/peers/install.sh [default: target/peers, if there]
    #[arg(long, env = "UR_PEERS", value_name = "DIR")]
    pub peers: Option<PathBuf>,
    /// Leave the peers out
    #[arg(long)]
    pub no_peers: bool,
    /// Given by cargo bench; without it only the way is tried, on next to nothing
    #[arg(long, hide = true)]
    pub bench: bool,
}

impl Common {
    /// How much input.
    pub fn scale(&self) -> Scale {
        match (self.bench, self.full) {
            (false, _) => Scale::Smoke,
            (true, false) => Scale::Small,
            (true, true) => Scale::Full,
        }
    }

    /// Runs of each rival.
    pub fn rounds(&self) -> usize {
        if self.bench { self.rounds.max(1) } else { 1 }
    }

    /// The folder; of a smoke test one that goes when the guard beside it is dropped.
    pub fn folder(&self) -> Result<(Folder, Option<tempfile::TempDir>), Error> {
        if self.bench {
            return Ok((Folder::new(self.data.clone())?, None));
        }
        let temporary = tempfile::tempdir()?;
        Ok((Folder::new(Some(temporary.path().to_path_buf()))?, Some(temporary)))
    }

    /// The peers, unless they are left out or not there.
    pub fn peers(&self) -> Result<Option<Peers>, Error> {
        if self.no_peers || !self.bench { Ok(None) } else { Peers::find(self.peers.as_deref()) }
    }
}
