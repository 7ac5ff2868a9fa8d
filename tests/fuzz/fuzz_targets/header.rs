//! Headers: what is read can be written, and a card that the standard allows keeps its value.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use uranometria_fits::{Card, Header, Value, read_hdus};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    uranometria_fuzz::mutate(data, size, max_size, seed)
        .unwrap_or_else(|| fuzzer_mutate(data, size, max_size))
});

fuzz_target!(|bytes: &[u8]| {
    if let Ok(hdus) = read_hdus(bytes) {
        for hdu in &hdus {
            assert!(hdu.data_start + hdu.data_len <= bytes.len() as u64);
        }
    }
    let Ok((header, read)) = Header::parse(bytes) else { return };
    assert!(read <= bytes.len());
    let written = header.to_bytes();
    assert!(written.len() % 2880 == 0);
    let (again, read) = Header::parse(&written).expect("what is written has an END");
    assert_eq!(read, written.len());
    for card in header.cards() {
        if lasts(card) {
            let same = |other: &Card| other.keyword == card.keyword && other.value == card.value;
            assert!(again.cards().iter().any(same), "lost: {card:?}");
        }
    }
    if header.cards().iter().all(lasts) {
        assert_eq!(header.cards().len(), again.cards().len());
        assert!(again.to_bytes() == written, "written again, it is another header");
    }
});

/// Whether the standard, or the HIERARCH convention, has room for the card.
fn lasts(card: &Card) -> bool {
    let printable = |text: &str| text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let keyword = card.keyword.as_str();
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    let standard = (1..=8).contains(&keyword.len()) && keyword.bytes().all(plain);
    let text = match &card.value {
        None | Some(Value::Invalid(_)) => return false,
        // Whether such a string goes on in the next card depends on that card.
        Some(Value::Text(text)) if text.ends_with('&') => return false,
        Some(Value::Text(text)) if standard => return printable(text),
        Some(value) => value.to_string(),
    };
    let words =
        printable(keyword) && !keyword.contains('=') && keyword.trim() == keyword && !keyword.is_empty();
    printable(&text) && (standard || words && "HIERARCH  = ".len() + keyword.len() + text.len() <= 80)
}
