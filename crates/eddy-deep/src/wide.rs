//! Code compiled twice: for every processor, and for those with vectors of 256 bits.

/// Defines functions that are compiled for every processor and once more for those with AVX2, and that pick the second
/// where it can run.
///
/// The steps and their order are the same, and no product is fused with a sum, so the bits are the same on every
/// processor; one with wider vectors does more of the steps at a time.
macro_rules! wide {
    ($($(#[$attribute:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block)*) => {$(
        $(#[$attribute])*
        $vis fn $name($($arg: $ty),*) $(-> $ret)? {
            // Always, since it must be compiled anew for the processor of each caller.
            #[inline(always)]
            fn plain($($arg: $ty),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn avx2($($arg: $ty),*) $(-> $ret)? {
                plain($($arg),*)
            }

            #[cfg(target_arch = "x86_64")]
            if std::arch::is_x86_feature_detected!("avx2") {
                #[expect(
                    unsafe_code,
                    reason = "there is no safe call of code compiled for a feature found at run time"
                )]
                // SAFETY: the processor has the one feature that the function asks for; the line above made sure.
                return unsafe { avx2($($arg),*) };
            }
            plain($($arg),*)
        }
    )*};
}

pub(crate) use wide;
