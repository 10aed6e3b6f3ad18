use std::hash::{BuildHasher, RandomState};

/// 64 random bits: the standard library seeds each `RandomState` differently, from the system's randomness.
pub(super) fn bits() -> u64 {
    RandomState::new().hash_one(())
}
