//! In which pages the memory is.

use std::{env, os::unix::process::CommandExt as _, process::Command};

use crate::Failure;

const TUNABLES: &str = "GLIBC_TUNABLES";
const HUGE: &str = "glibc.malloc.hugetlb=1";

/// Starts this command anew unless it has huge pages: glibc reads its tunables only then.
pub(crate) fn ask_for_huge() -> Result<(), Failure> {
    if env::var(TUNABLES).is_ok_and(|tunables| tunables == HUGE) {
        return Ok(());
    }
    let program = env::current_exe()?;
    let error = Command::new(program)
        .args(env::args_os().skip(1))
        .env(TUNABLES, HUGE)
        .exec();
    Err(error.into())
}
