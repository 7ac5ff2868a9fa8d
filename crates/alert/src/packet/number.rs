//! The quick way for numbers, which most fields of alerts are.

use super::column::{Column, Null, Values};
use super::cursor::Cursor;

/// The highest bit of each byte.
const HIGH: u64 = 0x8080_8080_8080_8080;

impl Column {
    /// Reads a number or its null, of a union or not, with one look at the bytes. `false` where it is no number, or where
    /// [`Column::read`] has to look closer, as near the end of a packet; then nothing was read.
    #[inline(always)]
    pub(super) fn read_number(&mut self, cursor: &mut Cursor<'_>) -> bool {
        let Some(ahead) = cursor.ahead::<9>() else { return false };
        let (is_null, from) = match self.null {
            Null::Never => (false, 0),
            // Branches 0 and 1, zigzag.
            Null::Branch(null) if ahead[0] & !2 == 0 => (usize::from(ahead[0] >> 1) == null, 1),
            _ => return false,
        };
        let value: &[u8; 8] = match from {
            0 => first(ahead),
            _ => last(ahead),
        };
        let value = u64::from_le_bytes(*value);
        let length = match &mut self.values {
            Values::Float(values) => {
                values.push(if is_null { 0.0 } else { f32::from_bits(value as u32) });
                4
            }
            Values::Double(values) => {
                values.push(if is_null { 0.0 } else { f64::from_bits(value) });
                8
            }
            Values::Int(values) if is_null => {
                values.push(0);
                0
            }
            Values::Int(values) => {
                let Some((number, length)) = long(value) else { return false };
                let Ok(number) = i32::try_from(number) else { return false };
                values.push(number);
                length
            }
            Values::Long(values) if is_null => {
                values.push(0);
                0
            }
            Values::Long(values) => {
                let Some((number, length)) = long(value) else { return false };
                values.push(number);
                length
            }
            _ => return false,
        };
        if let Some(valid) = &mut self.valid {
            valid.push(!is_null);
        }
        cursor.pass(from + if is_null { 0 } else { length });
        true
    }
}

#[inline(always)]
fn first(ahead: &[u8; 9]) -> &[u8; 8] {
    let [first @ .., _] = ahead;
    first
}

#[inline(always)]
fn last(ahead: &[u8; 9]) -> &[u8; 8] {
    let [_, last @ ..] = ahead;
    last
}

/// A number of up to eight groups of seven bits, least first, the sign zigzag; and its bytes. Nothing where it is longer.
#[inline(always)]
fn long(bytes: u64) -> Option<(i64, usize)> {
    // The first byte whose highest bit is clear is the last of the number.
    let ends = !bytes & HIGH;
    if ends == 0 {
        return None;
    }
    let groups = bytes & (ends ^ (ends - 1)) & !HIGH;
    // Neighbouring groups are moved together: 7 to 14 bits, to 28, to 56.
    let pairs = (groups & 0x007f_007f_007f_007f) | ((groups & 0x7f00_7f00_7f00_7f00) >> 1);
    let fours = (pairs & 0x0000_3fff_0000_3fff) | ((pairs & 0x3fff_0000_3fff_0000) >> 2);
    let value = (fours & 0x0fff_ffff) | ((fours & 0x0fff_ffff_0000_0000) >> 4);
    let number = (value >> 1) as i64 ^ -((value & 1) as i64);
    Some((number, ends.trailing_zeros() as usize / 8 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_seven_bits_are_put_together() {
        let numbers =
            (0..55).flat_map(|bit| [1_i64 << bit, -(1 << bit), (1 << bit) - 1, 0x55_5555_5555_5555 >> bit]);
        for number in numbers.chain([0, -1, 63, -64, 64, -65]) {
            let mut bytes = Vec::new();
            crate::encode::write_long(number, &mut bytes);
            let length = bytes.len();
            bytes.resize(8.max(length), 0xff);
            let found = long(u64::from_le_bytes(bytes[..8].try_into().unwrap()));
            assert_eq!(found, (length <= 8).then_some((number, length)), "{number}");
        }
        assert_eq!(long(u64::MAX), None);
    }
}
