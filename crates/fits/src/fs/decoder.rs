//! Panics of a decoder as errors.
//!
//! Decoders of other formats check most of what they read, but not all: bytes of a damaged page may lead them to index
//! past the end of a slice. What such a file needs is an error with its name, as other damage has.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether a panic of this thread becomes an error.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Does some work of a decoder that may panic where a file is damaged; then what is wrong is the error.
///
/// Nothing is printed for such a panic. Whatever the work has changed must not be used after an error.
///
/// # Errors
/// What the panic said.
pub fn unless_it_panics<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static QUIET: Once = Once::new();
    // A library does not print: panics that become errors are not for the hook, all others are.
    QUIET.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if !CAUGHT.get() {
                before(panic);
            }
        }));
    });
    let outer = CAUGHT.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    CAUGHT.set(outer);
    done.map_err(|panic| format!("it cannot be decoded ({})", text(&*panic)))
}

/// What a panic said.
fn text(panic: &(dyn Any + Send)) -> &str {
    let owned = || panic.downcast_ref::<String>().map(String::as_str);
    panic.downcast_ref::<&str>().copied().or_else(owned).unwrap_or("without a reason")
}
