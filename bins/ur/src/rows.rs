//! In which form rows go out, by what the command line says.

use std::io::{self, IsTerminal};
use std::path::Path;

use uranometria_rows::{Error, Format};
use uranometria_votable::Serialisation;

/// By name, or by the ending of a file; a table on the terminal.
pub(crate) fn format(name: Option<&str>, out: Option<&Path>) -> Result<Format, String> {
    let format = match (name, out) {
        (Some(name), _) => name.parse(),
        (None, Some(out)) => Format::of_path(out),
        (None, None) => Ok(Format::Table),
    };
    let format = format.map_err(|error| match error {
        Error::Format { .. } => format!("--format: {error}"),
        other => other.to_string(),
    })?;
    match out {
        None if !format.is_text() && io::stdout().is_terminal() => {
            Err(format!("{format} is not for terminals; name a file with --out"))
        }
        // Readers of VOTable on standard output are people, unless they say which they want.
        None if name == Some("votable") => Ok(Format::VoTable(Serialisation::Tabledata)),
        _ => Ok(format),
    }
}
