//! Reading the bytes of a packet.

use std::fmt;

/// What is wrong with a packet, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// The byte of the packet, from 0.
    pub offset: usize,
    /// The field: `prv_candidates[3].magpsf`; nothing where it is about the whole.
    pub field: String,
    /// What was found.
    pub found: String,
    /// What was wanted.
    pub wanted: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.field.is_empty() {
            write!(f, "{}, ", self.field)?;
        }
        write!(f, "byte {}: found {}, expected {}", self.offset, self.found, self.wanted)
    }
}

impl std::error::Error for Damage {}

/// Small, so that results of readings stay in registers.
pub(super) type Fault = Box<Damage>;

/// How much of what takes no bytes a packet may have: items of lists, and columns of records that are null.
const FREE: u32 = 1 << 22;

/// A place in the bytes of a packet.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    free: u32,
    /// Bytes that were made of nothing, and how many may be.
    made: usize,
    room: usize,
}

impl<'a> Cursor<'a> {
    /// The beginning of a packet, of which so many bytes may be made of nothing.
    pub(super) fn new(bytes: &'a [u8], room: usize) -> Self {
        Cursor { bytes, at: 0, free: FREE, made: 0, room }
    }

    /// Reads other bytes for the same packet.
    pub(super) fn beside<'b, T>(&mut self, bytes: &'b [u8], read: impl FnOnce(&mut Cursor<'b>) -> T) -> T {
        let mut other = Cursor { bytes, at: 0, free: self.free, made: self.made, room: self.room };
        let done = read(&mut other);
        (self.free, self.made) = (other.free, other.made);
        done
    }

    /// Bytes of columns that were made of nothing.
    pub(super) fn made(&self) -> usize {
        self.made
    }

    /// Counts bytes of columns that stand under a null.
    pub(super) fn make(&mut self, bytes: usize) -> Result<(), Fault> {
        self.made = self.made.saturating_add(bytes);
        if self.made <= self.room {
            return Ok(());
        }
        let found = format!("{} bytes under nulls", self.made);
        Err(self.fault(
            self.at,
            found,
            format!("{} in what is left of the batch; finish it before", self.room),
        ))
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    #[cold]
    #[inline(never)]
    pub(super) fn fault(&self, at: usize, found: impl Into<String>, wanted: impl Into<String>) -> Fault {
        Box::new(Damage { offset: at, field: String::new(), found: found.into(), wanted: wanted.into() })
    }

    #[cold]
    #[inline(never)]
    fn ends(&self, wanted: u64) -> Fault {
        self.fault(self.at, format!("{} bytes to the end", self.left()), format!("{wanted} more"))
    }

    /// The next bytes.
    #[inline(always)]
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Fault> {
        match self.bytes.get(self.at..).and_then(|rest| rest.get(..len)) {
            Some(taken) => {
                self.at += len;
                Ok(taken)
            }
            None => Err(self.ends(len as u64)),
        }
    }

    /// What comes next, which is looked at only; nothing where there is less.
    #[inline(always)]
    pub(super) fn ahead<const N: usize>(&self) -> Option<&'a [u8; N]> {
        self.bytes.get(self.at..)?.first_chunk()
    }

    /// Goes on behind bytes that were seen [ahead](Cursor::ahead).
    #[inline(always)]
    pub(super) fn pass(&mut self, len: usize) {
        self.at += len;
    }

    #[inline(always)]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        match self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>()) {
            Some(taken) => {
                self.at += N;
                Ok(*taken)
            }
            None => Err(self.ends(N as u64)),
        }
    }

    /// A number of up to 64 bits: seven a byte, least first, the signs zigzag.
    #[inline(always)]
    pub(super) fn long(&mut self) -> Result<i64, Fault> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(zigzag(u64::from(byte)))
            }
            _ => self.long_number(),
        }
    }

    #[inline]
    fn long_number(&mut self) -> Result<i64, Fault> {
        let start = self.at;
        let (mut value, mut shift) = (0u64, 0);
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        for (n, &byte) in rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                if n == 9 && byte > 1 {
                    break;
                }
                self.at += n + 1;
                return Ok(zigzag(value));
            }
            shift += 7;
        }
        if rest.len() < 10 && rest.iter().all(|byte| *byte >= 0x80) {
            return Err(self.ends(rest.len() as u64 + 1));
        }
        Err(self.fault(start, "a number of more than 64 bits", "up to 64"))
    }

    /// A number of up to 32 bits.
    #[inline(always)]
    pub(super) fn int(&mut self) -> Result<i32, Fault> {
        let start = self.at;
        let value = self.long()?;
        i32::try_from(value).map_err(|_| self.fault(start, format!("{value}"), "a number of 32 bits"))
    }

    /// The length of what follows, which is there.
    #[inline(always)]
    pub(super) fn len(&mut self) -> Result<usize, Fault> {
        let start = self.at;
        let len = self.long()?;
        if len >= 0 && len as u64 <= self.left() as u64 {
            return Ok(len as usize);
        }
        Err(self.fault(
            start,
            format!("a length of {len} bytes"),
            format!("0 to {}, what is left", self.left()),
        ))
    }

    /// Bytes behind their length.
    #[inline(always)]
    pub(super) fn counted(&mut self) -> Result<&'a [u8], Fault> {
        let len = self.len()?;
        self.take(len)
    }

    #[inline(always)]
    pub(super) fn boolean(&mut self) -> Result<bool, Fault> {
        match self.array::<1>()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(self.fault(self.at - 1, format!("byte {other}"), "0 or 1, a boolean")),
        }
    }

    /// The place of a type in a union of so many.
    #[inline(always)]
    pub(super) fn branch(&mut self, of: usize) -> Result<usize, Fault> {
        let start = self.at;
        let branch = self.long()?;
        if branch >= 0 && (branch as u64) < of as u64 {
            return Ok(branch as usize);
        }
        Err(self.fault(start, format!("branch {branch} of a union"), format!("0 to {}", of - 1)))
    }

    /// The number of items of the next block, and its bytes where they are told; none after the last block.
    ///
    /// `least` bytes are what an item takes at least.
    #[inline]
    pub(super) fn block(&mut self, least: usize) -> Result<Option<(usize, Option<usize>)>, Fault> {
        let start = self.at;
        let count = self.long()?;
        if count == 0 {
            return Ok(None);
        }
        let bytes = if count < 0 { Some(self.len()?) } else { None };
        let count = count.unsigned_abs();
        if least == 0 {
            self.spend(count)?;
        } else if count > (bytes.unwrap_or(self.left()) / least) as u64 {
            let left = bytes.unwrap_or(self.left());
            return Err(self.fault(
                start,
                format!("a block of {count} items in {left} bytes"),
                format!("at least {least} bytes an item"),
            ));
        }
        Ok(Some((count as usize, bytes)))
    }

    /// Counts what takes no bytes.
    pub(super) fn spend(&mut self, count: u64) -> Result<(), Fault> {
        match u32::try_from(count).ok().and_then(|count| self.free.checked_sub(count)) {
            Some(free) => {
                self.free = free;
                Ok(())
            }
            None => Err(self.fault(
                self.at,
                "too much that takes no bytes",
                format!("up to {FREE} items or nulls of records a packet"),
            )),
        }
    }
}

#[inline(always)]
fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

impl Damage {
    /// Puts the name of a field before the path.
    #[cold]
    pub(super) fn inside(mut self: Box<Self>, name: &str) -> Box<Self> {
        let joint = if self.field.is_empty() || self.field.starts_with('[') { "" } else { "." };
        self.field = format!("{name}{joint}{}", self.field);
        self
    }

    /// Puts the place in a list before the path.
    #[cold]
    pub(super) fn at_item(self: Box<Self>, item: usize) -> Box<Self> {
        self.inside(&format!("[{item}]"))
    }
}
