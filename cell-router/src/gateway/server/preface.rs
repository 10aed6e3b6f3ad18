//! Which version of HTTP a client speaks. Pure.
//!
//! HTTP/2 begins with 24 bytes that no HTTP/1 request begins with (RFC 9113, section 3.4). Until a byte differs or all
//! have come, no time limit of either version counts yet: a client that sends `PRI` and falls silent would hold its
//! connection for ever.

const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What the first bytes say so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preface {
    /// So many bytes are as HTTP/2 begins.
    Matching(usize),
    /// It is known.
    Decided,
}

impl Preface {
    pub(super) const START: Self = Self::Matching(0);

    /// What is known after these bytes, too.
    pub(super) fn after(self, bytes: &[u8]) -> Self {
        let Self::Matching(matched) = self else {
            return self;
        };
        let rest = &PREFACE[matched..];
        let seen = bytes.len().min(rest.len());
        if bytes[..seen] != rest[..seen] || seen == rest.len() {
            return Self::Decided;
        }
        Self::Matching(matched + seen)
    }
}

#[cfg(test)]
mod tests {
    use super::{PREFACE, Preface};

    #[test]
    fn it_is_known_at_the_first_byte_that_differs_or_the_last_that_does_not() {
        assert_eq!(Preface::START.after(b"GET"), Preface::Decided);
        assert_eq!(Preface::START.after(b""), Preface::Matching(0));
        let begun = Preface::START.after(b"PRI").after(b" *");
        assert_eq!(begun, Preface::Matching(5));
        assert_eq!(begun.after(b" HTTP/1.1"), Preface::Decided);
        assert_eq!(begun.after(&PREFACE[5..]), Preface::Decided);
        assert_eq!(Preface::START.after(&PREFACE[..23]), Preface::Matching(23));
    }
}
