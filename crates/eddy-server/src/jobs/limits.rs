//! What a worker may take.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Lets this process ask for so many bytes of memory and no more, and write no core file.
pub(crate) fn bound(memory: u64) {
    for (resource, most) in [(Resource::As, memory), (Resource::Core, 0)] {
        let now = getrlimit(resource);
        let most = now.maximum.map_or(most, |maximum| maximum.min(most));
        // Where the system refuses, the deadline of the job is still there.
        let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    }
}
