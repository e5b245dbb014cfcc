//! Functions that are also compiled for processors with vectors of 256 bits.

/// Defines a function twice, once for every processor and once for those with AVX2, and takes the second where it can
/// be had. The steps are the same on every processor (no multiplication is fused with an addition), and so are the bits.
#[macro_export]
macro_rules! wide {
    ($(
        $(#[$attribute:meta])*
        $vis:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? $body:block
    )+) => {$(
        $(#[$attribute])*
        $vis fn $name($($argument: $type),*) $(-> $result)? {
            // It must be compiled anew for the processor of each caller.
            #[inline(always)]
            fn on_any($($argument: $type),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn on_wide($($argument: $type),*) $(-> $result)? {
                on_any($($argument),*)
            }

            #[cfg(target_arch = "x86_64")]
            if std::arch::is_x86_feature_detected!("avx2") {
                #[expect(
                    unsafe_code,
                    reason = "there is no safe call of code compiled for a feature found at run time"
                )]
                // SAFETY: the processor has the one feature that the function asks for; the line above has just made sure.
                return unsafe { on_wide($($argument),*) };
            }
            on_any($($argument),*)
        }
    )+};
}
