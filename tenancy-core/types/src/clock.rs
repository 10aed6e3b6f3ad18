use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// A moment on a monotonic clock: nanoseconds since an origin that only this process knows.
///
/// Good for 584 years of uptime; arithmetic saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(u64);

impl Nanos {
    /// A moment from its distance to the origin in nanoseconds.
    #[must_use]
    pub const fn new(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the origin.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// How much later this is than `earlier`, or zero.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The moment that much later.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}

/// A moment of civil time: microseconds since 1970-01-01 UTC, as databases store it.
///
/// It may jump. Use it for what people read and what is persisted, never for measuring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMicros(i64);

impl UnixMicros {
    /// A moment from its microseconds since 1970.
    #[must_use]
    pub const fn new(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// Where time comes from, so that what depends on it can be tested.
///
/// ```
/// use tenancy_types::{Clock, SystemClock};
///
/// let clock = SystemClock;
/// let start = clock.now();
/// assert!(clock.now() >= start);
/// ```
pub trait Clock: Send + Sync + 'static {
    /// Monotonic time, for measuring. All clocks of one kind in a process share the origin.
    fn now(&self) -> Nanos;

    /// Civil time, for people and databases.
    fn unix(&self) -> UnixMicros;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Nanos {
        (**self).now()
    }

    fn unix(&self) -> UnixMicros {
        (**self).unix()
    }
}

/// The operating system's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the system's clocks"
)]
impl Clock for SystemClock {
    fn now(&self) -> Nanos {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        // A nanosecond before the first reading, so that 0 can mean "never" in words that hold times.
        let elapsed = ORIGIN.get_or_init(Instant::now).elapsed();
        Nanos::new(1).after(elapsed)
    }

    fn unix(&self) -> UnixMicros {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => {
                i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros)
            }
        };
        UnixMicros::new(micros)
    }
}

/// A clock that moves only when told. Clones share the time.
///
/// ```
/// use std::time::Duration;
/// use tenancy_types::{Clock, ManualClock};
///
/// let clock = ManualClock::default();
/// let start = clock.now();
/// clock.advance(Duration::from_millis(5));
/// assert_eq!(clock.now().since(start), Duration::from_millis(5));
/// ```
#[cfg(feature = "test-util")]
#[derive(Clone, Default)]
pub struct ManualClock(Arc<std::sync::atomic::AtomicU64>);

#[cfg(feature = "test-util")]
impl ManualClock {
    /// Moves both times forward.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(by, std::sync::atomic::Ordering::Relaxed);
    }
}

#[cfg(feature = "test-util")]
impl Clock for ManualClock {
    fn now(&self) -> Nanos {
        Nanos::new(1 + self.0.load(std::sync::atomic::Ordering::Relaxed))
    }

    /// Starts at 2026-01-01 00:00 UTC.
    fn unix(&self) -> UnixMicros {
        let micros = self.0.load(std::sync::atomic::Ordering::Relaxed) / 1_000;
        UnixMicros::new(1_767_225_600_000_000 + i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

#[cfg(feature = "test-util")]
impl std::fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ManualClock({:?})", self.now())
    }
}
