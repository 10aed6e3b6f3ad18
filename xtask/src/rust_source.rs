//! Rust source cut into code, string literals and comments: as much of the grammar as the checks
//! need, so that a word in a comment is not taken for a use of it.

use std::ops::Range;

/// What a stretch of source is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Code,
    /// The inside of a string literal, as written.
    Text,
    Comment,
}

/// A stretch of source of one kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Piece<'a> {
    pub(crate) kind: Kind,
    /// The line it starts on, from 1.
    pub(crate) line: usize,
    pub(crate) text: &'a str,
}

/// Cuts `source` into pieces, in order; quotes belong to no piece.
pub(crate) fn pieces(source: &str) -> Vec<Piece<'_>> {
    let mut cutter = Cutter {
        source,
        line: 1,
        counted: 0,
        pieces: Vec::new(),
    };
    let (mut code, mut at) = (0, 0);
    while at < source.len() {
        let Some(found) = literal_or_comment(source, at) else {
            at += char_len(source, at);
            continue;
        };
        cutter.push(Kind::Code, code..at);
        cutter.push(found.kind, found.inside);
        at = found.end;
        code = at;
    }
    cutter.push(Kind::Code, code..source.len());
    cutter.pieces
}

struct Cutter<'a> {
    source: &'a str,
    /// The line at byte `counted`.
    line: usize,
    counted: usize,
    pieces: Vec<Piece<'a>>,
}

impl Cutter<'_> {
    fn push(&mut self, kind: Kind, range: Range<usize>) {
        self.line += self.source[self.counted..range.start].matches('\n').count();
        self.counted = range.start;
        if !range.is_empty() {
            self.pieces.push(Piece {
                kind,
                line: self.line,
                text: &self.source[range],
            });
        }
    }
}

struct Found {
    kind: Kind,
    inside: Range<usize>,
    end: usize,
}

/// What starts at byte `at`, unless it is plain code. A character literal counts as text.
fn literal_or_comment(source: &str, at: usize) -> Option<Found> {
    let rest = &source[at..];
    if rest.starts_with("//") {
        let end = rest.find('\n').map_or(source.len(), |length| at + length);
        return Some(found(Kind::Comment, at..end, end));
    }
    if rest.starts_with("/*") {
        let end = at + block_comment_length(rest);
        return Some(found(Kind::Comment, at..end, end));
    }
    if rest.starts_with('"') {
        return Some(quoted(source, at + 1, '"'));
    }
    if rest.starts_with('\'') && is_character(&rest[1..]) {
        return Some(quoted(source, at + 1, '\''));
    }
    raw_string(source, at)
}

fn found(kind: Kind, inside: Range<usize>, end: usize) -> Found {
    Found { kind, inside, end }
}

/// `r"…"`, `r#"…"#` and so on; the `r` must not end a longer name.
fn raw_string(source: &str, at: usize) -> Option<Found> {
    let rest = source[at..].strip_prefix('r')?;
    let before = source[..at].trim_end_matches(['b', 'c']);
    if before.ends_with(|sign: char| sign.is_alphanumeric() || sign == '_') {
        return None;
    }
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    let inside = rest[hashes..].strip_prefix('"')?;
    let start = source.len() - inside.len();
    let closing = format!("\"{}", "#".repeat(hashes));
    let length = inside.find(&closing).unwrap_or(inside.len());
    let end = (start + length + closing.len()).min(source.len());
    Some(found(Kind::Text, start..start + length, end))
}

/// Tells `'a'` and `'\n'` from the lifetime `'a`.
fn is_character(after_quote: &str) -> bool {
    let mut signs = after_quote.chars();
    match signs.next() {
        Some('\\') => true,
        Some(_) => signs.next() == Some('\''),
        None => false,
    }
}

/// The literal whose inside starts at `start`, up to the closing quote, past escaped ones.
fn quoted(source: &str, start: usize, quote: char) -> Found {
    let mut escaped = false;
    let closing = source[start..].char_indices().find(|&(_, sign)| {
        let closes = sign == quote && !escaped;
        escaped = sign == '\\' && !escaped;
        closes
    });
    let end = closing.map_or(source.len(), |(length, _)| start + length);
    found(Kind::Text, start..end, (end + 1).min(source.len()))
}

/// Block comments nest.
fn block_comment_length(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += char_len(rest, at);
        }
    }
    rest.len()
}

fn char_len(source: &str, at: usize) -> usize {
    source[at..].chars().next().map_or(1, char::len_utf8)
}

/// `source` with its inline test modules as empty lines, so that line numbers stay.
pub(crate) fn without_tests(source: &str) -> String {
    let mut kept = String::with_capacity(source.len());
    let mut lines = source.lines().peekable();
    let mut in_tests = false;
    while let Some(line) = lines.next() {
        let starts = line == "#[cfg(test)]" || line.starts_with("#[cfg(all(test,");
        in_tests |= starts && lines.peek().is_some_and(|next| !next.ends_with(';'));
        if !in_tests {
            kept.push_str(line);
        }
        kept.push('\n');
        if line == "}" {
            in_tests = false;
        }
    }
    kept
}

#[cfg(test)]
mod tests;
