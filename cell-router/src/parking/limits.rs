use std::time::Duration;

/// How much may wait, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParkingLimits {
    /// Requests of all tenants together.
    pub requests: usize,
    /// Bytes of their bodies.
    pub bytes: usize,
    /// The share of requests and of bytes that one tenant may have, in percent. At least one request may always wait.
    pub tenant_percent: usize,
    /// The largest body that is kept, in bytes.
    pub largest_body: usize,
    /// How long a request waits in all, and no longer.
    pub patience: Duration,
    /// How often one request tries whether the tenant can be written to again.
    pub probe_every: Duration,
    /// How many requests of a tenant go at once when it can be, at least one.
    pub at_once: usize,
}

impl Default for ParkingLimits {
    /// 4,096 requests and 64 MiB, of which a tenant has at most 10 %; bodies of up to 64 KiB, 5 seconds, a try every 250 ms,
    /// 4 at once.
    fn default() -> Self {
        Self {
            requests: 4_096,
            bytes: 64 << 20,
            tenant_percent: 10,
            largest_body: 64 << 10,
            patience: Duration::from_secs(5),
            probe_every: Duration::from_millis(250),
            at_once: 4,
        }
    }
}

/// What waits at present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParkingStatus {
    /// Requests, those included that were sent again and not answered yet.
    pub requests: usize,
    /// Bytes of their bodies, as far as their lengths are known.
    pub bytes: usize,
    /// Tenants that they are of.
    pub tenants: usize,
}
