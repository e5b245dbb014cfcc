//! Decoders of others, run so that a panic in one is an error of the file.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether this thread is inside [`guarded`].
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a decoder. Those of Arrow and Parquet check most of what they read, but not all of it before they index or
/// multiply: on a damaged file some panic. That is an error of the file, not of this program, so it is caught here; what
/// the decoder held is dropped by every caller.
///
/// The message that Rust prints for a panic would tell the user nothing that the error does not say, so it is not
/// printed for panics in here. All others are reported as before.
pub(crate) fn guarded<T>(decode: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    keep_quiet();
    let outer = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(decode));
    GUARDED.set(outer);
    result.unwrap_or_else(|_| Err("its parts contradict each other".to_owned()))
}

/// Puts a [`quiet`] hook before whichever there is, once: the hook is shared by the whole process.
fn keep_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| set_hook(quiet(take_hook())));
}

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Sync + Send>;

/// A hook that passes on every panic but those of guarded threads.
fn quiet(before: Hook) -> Hook {
    Box::new(move |info| {
        if !GUARDED.try_with(Cell::get).unwrap_or(false) {
            before(info);
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Panics of this test that were reported.
    static REPORTED: AtomicUsize = AtomicUsize::new(0);
    const MESSAGE: &str = "a decoder of this test panics";

    #[test]
    fn a_panic_in_a_decoder_is_an_error_and_no_message() {
        let before = take_hook();
        set_hook(quiet(Box::new(move |info| {
            if info.payload_as_str() == Some(MESSAGE) {
                REPORTED.fetch_add(1, Ordering::Relaxed);
            } else {
                before(info);
            }
        })));
        let within = guarded(|| {
            let inner: Result<(), String> = guarded(|| panic!("{MESSAGE}"));
            if inner.is_ok() { Ok(()) } else { panic!("{MESSAGE}") }
        });
        assert_eq!(within, Err("its parts contradict each other".to_owned()));
        assert_eq!(REPORTED.load(Ordering::Relaxed), 0);
        assert_eq!(guarded(|| Ok(2)), Ok(2));
        assert!(catch_unwind(|| panic!("{MESSAGE}")).is_err());
        assert_eq!(REPORTED.load(Ordering::Relaxed), 1);
    }
}
