use tenancy_types::Region;

/// What a new tenant needs of its cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    residency: Residency,
    load: f64,
}

/// Where a tenant's data may be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Residency {
    /// Anywhere.
    Any,
    /// In this region only.
    In(Region),
}

impl Demand {
    /// A tenant that may live in `residency` and is expected to cause `load`, in requests a second.
    ///
    /// A new tenant has no measured load, and 0 would make it look free: a burst of new tenants would then
    /// pile up where it is quiet today. Expect what tenants of the same plan cause on average.
    ///
    /// # Errors
    /// [`InvalidDemand`] when the load is negative or not finite.
    pub fn new(residency: Residency, load: f64) -> Result<Self, InvalidDemand> {
        if load.is_finite() && load >= 0.0 {
            Ok(Self { residency, load })
        } else {
            Err(InvalidDemand { load })
        }
    }

    /// Where the tenant may live.
    #[must_use]
    pub const fn residency(&self) -> &Residency {
        &self.residency
    }

    /// The expected load in requests a second.
    #[must_use]
    pub const fn load(&self) -> f64 {
        self.load
    }
}

/// An expected load that is none.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("an expected load is a finite number of requests a second, 0 or more, not {load}")]
pub struct InvalidDemand {
    /// What was given.
    pub load: f64,
}
