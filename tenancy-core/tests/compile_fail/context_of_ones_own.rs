use std::marker::PhantomData;

use tenancy_core::{Admitted, ReadWrite, TenantContext};

fn forge(admitted: Admitted) -> TenantContext<ReadWrite> {
    TenantContext {
        admitted,
        access: PhantomData,
    }
}

fn main() {}
