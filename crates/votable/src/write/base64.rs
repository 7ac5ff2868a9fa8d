//! Bytes as lines of base64, as RFC 2045 has them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Bytes of a line of 76 characters, the longest allowed (RFC 2045, section 6.8).
const LINE_BYTES: usize = 57;
const LINE_CHARACTERS: usize = 76;

/// Bytes on their way into lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// What is not yet in a line.
    pub(super) raw: Vec<u8>,
    /// Characters without line ends; kept for its memory.
    characters: Vec<u8>,
}

impl Lines {
    /// Appends all whole lines and, with `last`, what remains.
    pub(super) fn encode(&mut self, out: &mut Vec<u8>, last: bool) {
        let whole = if last { self.raw.len() } else { self.raw.len() / LINE_BYTES * LINE_BYTES };
        if whole == 0 {
            return;
        }
        self.characters.resize(whole.div_ceil(3) * 4, 0);
        // Cannot fail: the room is as large as base64 makes it.
        let written = STANDARD.encode_slice(&self.raw[..whole], &mut self.characters).unwrap_or(0);
        out.reserve(written + written / LINE_CHARACTERS + 1);
        for line in self.characters[..written].chunks(LINE_CHARACTERS) {
            out.extend_from_slice(line);
            out.push(b'\n');
        }
        self.raw.drain(..whole);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_the_same_lines_as_the_whole() {
        let bytes: Vec<u8> = (0..1000u32).map(|n| (n * 7) as u8).collect();
        let (mut whole, mut pieces) = (Vec::new(), Vec::new());
        let mut lines = Lines { raw: bytes.clone(), ..Lines::default() };
        lines.encode(&mut whole, true);
        let mut lines = Lines::default();
        for piece in bytes.chunks(70) {
            lines.raw.extend_from_slice(piece);
            lines.encode(&mut pieces, false);
        }
        lines.encode(&mut pieces, true);
        assert_eq!(whole, pieces);
        assert!(whole.split(|&byte| byte == b'\n').all(|line| line.len() <= LINE_CHARACTERS));
    }
}
