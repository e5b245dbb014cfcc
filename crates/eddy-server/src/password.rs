//! Passwords: Argon2id, a few at a time.

use std::fmt::Write as _;

use argon2::{Algorithm, Argon2, Params, Version};
use eddy_store::random_bytes;
use tokio::sync::Semaphore;

use crate::problem::Problem;

/// Memory in KiB, passes and lanes, as OWASP's "Password Storage Cheat Sheet" has them.
const COST: (u32, u32, u32) = (19_456, 2, 1);
/// Hashes computed at the same time: each takes 19 MiB and a core.
const AT_ONCE: usize = 2;
/// Callers that may wait for one; more are sent away.
const WAITING: usize = 32;
/// Longest password, in bytes: longer ones would make work for nothing.
pub(crate) const LONGEST: usize = 1_024;

/// Computes hashes, a few at a time.
pub(crate) struct Hasher {
    at_once: Semaphore,
    waiting: Semaphore,
    cost: (u32, u32, u32),
    /// What the password of somebody unknown is held against, so that they take as long as others.
    nobody: String,
}

impl Hasher {
    pub(crate) fn new() -> Self {
        Self::with_cost(COST)
    }

    /// For tests, which would otherwise spend their time here.
    pub(crate) fn with_cost(cost: (u32, u32, u32)) -> Self {
        // What no password has: the digest of one would have to be computed at every start.
        let nobody = written(cost, &random_bytes::<16>(), &[0; 32]);
        Self { at_once: Semaphore::new(AT_ONCE), waiting: Semaphore::new(WAITING), cost, nobody }
    }

    /// The hash of a password.
    pub(crate) async fn hash(&self, password: String) -> Result<String, Problem> {
        let cost = self.cost;
        self.turn(move || hash(&password, cost)).await
    }

    /// Whether a password has a hash; with none, false after as long.
    pub(crate) async fn holds(&self, password: String, known: Option<String>) -> Result<bool, Problem> {
        let (against, is_known) = match known {
            Some(hash) => (hash, true),
            None => (self.nobody.clone(), false),
        };
        Ok(self.turn(move || verify(&password, &against)).await? && is_known)
    }

    async fn turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let busy = || Problem::busy("too many people are logging in", 2);
        let _place = self.waiting.try_acquire().map_err(|_| busy())?;
        let _turn = self.at_once.acquire().await.map_err(|_| busy())?;
        Ok(tokio::task::spawn_blocking(work).await?)
    }
}

fn digest(password: &str, salt: &[u8], (memory, passes, lanes): (u32, u32, u32)) -> Option<[u8; 32]> {
    let params = Params::new(memory, passes, lanes, Some(32)).ok()?;
    let mut out = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, &mut out)
        .ok()?;
    Some(out)
}

fn hash(password: &str, cost: (u32, u32, u32)) -> String {
    let salt = random_bytes::<16>();
    let out = digest(password, &salt, cost).unwrap_or_else(random_bytes);
    written(cost, &salt, &out)
}

fn written((memory, passes, lanes): (u32, u32, u32), salt: &[u8], digest: &[u8]) -> String {
    format!("argon2id${memory}${passes}${lanes}${}${}", hex(salt), hex(digest))
}

fn verify(password: &str, known: &str) -> bool {
    let parts: Vec<&str> = known.split('$').collect();
    let &[_, memory, passes, lanes, salt, out] = parts.as_slice() else { return false };
    let (Ok(memory), Ok(passes), Ok(lanes)) = (memory.parse(), passes.parse(), lanes.parse()) else {
        return false;
    };
    let (Some(salt), Some(out)) = (unhex(salt), unhex(out)) else { return false };
    digest(password, &salt, (memory, passes, lanes)).is_some_and(|found| same(&found, &out))
}

/// Compares without saying by its time where the first difference is.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

/// Bytes as digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks_exact(2);
    if !digits.remainder().is_empty() {
        return None;
    }
    digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_its_hash_and_no_other_has() {
        let known = hash("correct horse", (64, 1, 1));
        assert!(known.starts_with("argon2id$64$1$1$"), "{known}");
        assert!(verify("correct horse", &known) && !verify("correct hors", &known));
        assert_ne!(known, hash("correct horse", (64, 1, 1)), "salted");
        for broken in ["", "argon2id", "argon2id$a$b$c$d$e", "argon2id$64$1$1$zz$00", "argon2id$1$1$1$00$00"]
        {
            assert!(!verify("x", broken));
        }
    }

    #[tokio::test]
    async fn somebody_unknown_is_refused_whatever_the_password() {
        let hasher = Hasher::with_cost((64, 1, 1));
        assert!(!hasher.holds("anything".into(), None).await.unwrap());
        let known = hasher.hash("anything".into()).await.unwrap();
        assert!(hasher.holds("anything".into(), Some(known)).await.unwrap());
    }
}
