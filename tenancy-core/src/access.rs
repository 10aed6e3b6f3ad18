use std::fmt::Debug;

/// Proof at compile time of what a context may do. Sealed: [`ReadWrite`] and [`ReadOnly`].
pub trait Access: sealed::Sealed + Debug + Send + Sync + 'static {
    /// Whether writes are allowed.
    const WRITES: bool;
}

/// May read and write.
#[derive(Clone, Copy, Debug)]
pub struct ReadWrite;

/// May only read. Its contexts and transactions have no write methods, and the database is told, too.
#[derive(Clone, Copy, Debug)]
pub struct ReadOnly;

impl Access for ReadWrite {
    const WRITES: bool = true;
}

impl Access for ReadOnly {
    const WRITES: bool = false;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::ReadWrite {}
    impl Sealed for super::ReadOnly {}
}
