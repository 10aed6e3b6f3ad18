use std::process::ExitCode;

/// What the process tells the script that called it. The numbers are a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// Done.
    Ok = 0,
    /// It went wrong, or not wholly well.
    Failed = 1,
    /// The arguments make no sense.
    Usage = 2,
    /// What was named does not exist.
    NotFound = 3,
    /// It clashes with something that exists.
    Conflict = 4,
    /// Nobody answers, or says that later is better.
    Unavailable = 5,
}

impl Exit {
    /// What an HTTP status of the operator API comes to.
    ///
    /// 400 is wrong usage: the server found what the command line could not know, like a plan that does not
    /// exist. 422 is a conflict: the idempotency key belongs to another request.
    pub(super) const fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Ok,
            400 => Self::Usage,
            404 | 410 => Self::NotFound,
            409 | 422 => Self::Conflict,
            429 | 502..=504 => Self::Unavailable,
            _ => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn statuses_become_exit_codes() {
        for (status, code) in [
            (200, 0),
            (201, 0),
            (302, 1),
            (400, 2),
            (401, 1),
            (403, 1),
            (404, 3),
            (405, 1),
            (409, 4),
            (410, 3),
            (413, 1),
            (422, 4),
            (429, 5),
            (500, 1),
            (502, 5),
            (503, 5),
            (504, 5),
        ] {
            assert_eq!(Exit::of_status(status) as u8, code, "{status}");
        }
    }
}
