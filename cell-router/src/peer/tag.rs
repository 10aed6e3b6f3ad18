//! A position as an entity tag.

use http::HeaderValue;
use tenancy_types::{DirectoryId, History, Position, Revision};

pub(super) fn write(position: Position) -> HeaderValue {
    let History {
        directory,
        incarnation,
    } = position.history;
    let tag = format!("\"{directory}-{incarnation}-{}\"", position.revision);
    HeaderValue::from_str(&tag).expect("digits, hyphens and quotes can stand in a header")
}

pub(super) fn read(tag: &HeaderValue) -> Option<Position> {
    let tag = tag.to_str().ok()?.strip_prefix('"')?.strip_suffix('"')?;
    let mut parts = tag.split('-');
    let directory: DirectoryId = parts.next()?.parse().ok()?;
    let incarnation = parts.next()?.parse().ok()?;
    let revision = Revision::new(parts.next()?.parse().ok()?);
    let history = History {
        directory,
        incarnation,
    };
    let position = Position { history, revision };
    parts.next().is_none().then_some(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_read_as_it_was_written() {
        let history = History {
            directory: DirectoryId::from_u128(u128::MAX / 3),
            incarnation: u16::MAX,
        };
        let revision = Revision::new(u64::MAX);
        let position = Position { history, revision };
        assert_eq!(read(&write(position)), Some(position));
        for wrong in ["", "\"\"", "\"1-2-3\"", "*", "W/\"x\"", "\"0-0-0-0\""] {
            assert_eq!(read(&HeaderValue::from_static(wrong)), None, "{wrong}");
        }
    }
}
