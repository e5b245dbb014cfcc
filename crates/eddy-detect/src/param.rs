//! Parameter types that refuse bad values while parsing and describe their range in the JSON schema.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

macro_rules! bounded {
    ($(#[$doc:meta])* $name:ident($inner:ty), $what:literal, $json_type:literal, $check:expr, { $($key:literal : $limit:expr),* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(try_from = "f64", into = "f64")]
        pub struct $name($inner);

        impl $name {
            /// The value.
            pub fn get(self) -> $inner {
                self.0
            }
        }

        impl TryFrom<f64> for $name {
            type Error = String;
            fn try_from(value: f64) -> Result<Self, String> {
                let check: fn(f64) -> bool = $check;
                if check(value) { Ok(Self(value as $inner)) } else { Err(format!("{value} is not {}", $what)) }
            }
        }

        impl From<$name> for f64 {
            fn from(value: $name) -> f64 {
                value.0 as f64
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": $json_type, $($key: $limit),* })
            }
        }
    };
}

bounded!(
    /// A whole number from 1 to 16,777,216.
    Count(usize), "a whole number from 1 to 16777216", "integer",
    |v| v.fract() == 0.0 && (1.0..=16_777_216.0).contains(&v), { "minimum": 1, "maximum": 16_777_216 }
);
bounded!(
    /// A share: greater than 0, at most 1.
    Fraction(f64), "a share above 0 and at most 1", "number",
    |v| v > 0.0 && v <= 1.0, { "exclusiveMinimum": 0, "maximum": 1 }
);
bounded!(
    /// A share that may be none: at least 0, below 1.
    Share(f64), "a share from 0 to below 1", "number",
    |v| (0.0..1.0).contains(&v), { "minimum": 0, "exclusiveMaximum": 1 }
);
bounded!(
    /// A finite number greater than 0.
    Positive(f64), "a finite number above 0", "number",
    |v| v > 0.0 && v.is_finite(), { "exclusiveMinimum": 0 }
);
bounded!(
    /// Where random choices start: the same seed gives the same bits on any number of threads. At most 2^53.
    Seed(u64), "a whole number from 0 to 9007199254740992", "integer",
    |v| v.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&v), { "minimum": 0, "maximum": 9_007_199_254_740_992_u64 }
);

impl Count {
    /// A count known to be in range.
    ///
    /// # Panics
    /// When it is 0 or above 2^24.
    pub const fn new(value: usize) -> Self {
        assert!(value >= 1 && value <= 1 << 24, "count out of range");
        Self(value)
    }
}

impl Fraction {
    /// A share known to be in range.
    ///
    /// # Panics
    /// When it is not above 0 and at most 1.
    pub const fn new(value: f64) -> Self {
        assert!(value > 0.0 && value <= 1.0, "share out of range");
        Self(value)
    }
}

impl Share {
    /// A share known to be in range.
    ///
    /// # Panics
    /// When it is not at least 0 and below 1.
    pub const fn new(value: f64) -> Self {
        assert!(value >= 0.0 && value < 1.0, "share out of range");
        Self(value)
    }
}

impl Positive {
    /// A number known to be in range.
    ///
    /// # Panics
    /// When it is not above 0.
    pub const fn new(value: f64) -> Self {
        assert!(value > 0.0, "number out of range");
        Self(value)
    }
}

impl Seed {
    /// A seed known to be in range.
    ///
    /// # Panics
    /// When it is above 2^53.
    pub const fn new(value: u64) -> Self {
        assert!(value <= 1 << 53, "seed out of range");
        Self(value)
    }

    /// Where the random numbers of part `part` (a tree, a layer) of a model start: neighbouring seeds give unrelated
    /// numbers, by the finaliser of SplitMix64 (Steele, Lea & Flood, "Fast Splittable Pseudorandom Number Generators",
    /// OOPSLA 2014).
    #[must_use]
    pub const fn of_part(self, part: u64) -> u64 {
        scatter(self.0).wrapping_add(part)
    }

    /// A seed that depends on this one and on `part` in a scattered way: for a part that has parts of its own.
    #[must_use]
    pub const fn part(self, part: u64) -> Self {
        Self(scatter(self.of_part(part)) >> 11)
    }
}

const fn scatter(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Default for Seed {
    /// 42, the seed that users of such tools expect.
    fn default() -> Self {
        Self(42)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_seeds_start_elsewhere() {
        let seed = Seed::new(42);
        assert_ne!(seed.of_part(0), seed.of_part(1));
        assert_ne!(seed.of_part(1), Seed::new(43).of_part(0));
        assert_ne!(Seed::new(0).part(1), Seed::new(1).part(0));
        // The first number that SplitMix64 gives for the seed 0, as its authors' own program prints it.
        assert_eq!(Seed::new(0).of_part(0), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn bad_values_are_refused_in_words() {
        fn check<T: for<'a> Deserialize<'a> + std::fmt::Debug>(json: &str, expect: &str) {
            let error = serde_json::from_str::<T>(json).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        }
        check::<Count>("0", "0 is not a whole number from 1");
        check::<Count>("2.5", "2.5 is not a whole number");
        check::<Fraction>("1.5", "1.5 is not a share");
        check::<Share>("1", "1 is not a share from 0 to below 1");
        check::<Positive>("-1", "-1 is not a finite number above 0");
        check::<Seed>("-1", "-1 is not a whole number from 0");
    }

    #[test]
    fn good_values_survive_a_round_trip() {
        let count: Count = serde_json::from_str("100").unwrap();
        assert_eq!(count, Count::new(100));
        assert_eq!(serde_json::to_string(&Fraction::new(0.25)).unwrap(), "0.25");
    }
}
