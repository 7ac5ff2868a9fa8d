//! Packets in the frame of a schema registry: a zero byte, the number of their schema in four, most significant first.

/// The schema number of a framed packet and the packet itself; nothing where it is not framed so.
///
/// ```
/// use uranometria_alert::registry_frame;
///
/// assert_eq!(registry_frame(&[0, 0, 0, 1, 2, 0x54]), Some((258, &[0x54][..])));
/// assert_eq!(registry_frame(b"Obj\x01"), None);
/// ```
pub fn registry_frame(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (head, packet) = bytes.split_first_chunk::<5>()?;
    let [0, number @ ..] = *head else { return None };
    Some((u32::from_be_bytes(number), packet))
}
