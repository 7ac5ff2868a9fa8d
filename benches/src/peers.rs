//! Other programs that answer the same question; `peers/install.sh` makes the environment they run in.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::input::{Error, workspace};

/// A Python environment with astrocut.
#[derive(Clone, Debug)]
pub struct Peers {
    python: PathBuf,
}

impl Peers {
    /// Finds the environment: the folder given, or `target/peers` of the workspace where that is there.
    ///
    /// # Errors
    /// Where the folder given is none.
    pub fn find(given: Option<&Path>) -> Result<Option<Self>, Error> {
        let usual = workspace().join("target/peers");
        let python = given.unwrap_or(&usual).join("bin/python");
        match (python.exists(), given) {
            (true, _) => Ok(Some(Peers { python })),
            (false, None) => Ok(None),
            (false, Some(folder)) => {
                let folder = folder.display();
                Err(format!(
                    "{folder}: no Python environment; make it with benches/peers/install.sh {folder}"
                )
                .into())
            }
        }
    }

    /// A script of `peers/`, whose output is JSON.
    pub fn script(&self, name: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(workspace().join("benches/peers").join(name)).stdout(Stdio::piped());
        command
    }

    /// Runs a script to its end and returns its JSON.
    pub fn run(&self, command: &mut Command) -> Result<Value, Error> {
        let output = command.stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(format!("{:?}: {}", command.get_program(), output.status).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}
