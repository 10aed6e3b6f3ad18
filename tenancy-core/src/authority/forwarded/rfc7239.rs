//! The grammar of `Forwarded` ([RFC 7239, 4](https://www.rfc-editor.org/rfc/rfc7239#section-4)):
//!
//! ```text
//! Forwarded         = 1#forwarded-element
//! forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )
//! forwarded-pair    = token "=" ( token / quoted-string )
//! ```
//!
//! with the list rule of RFC 9110, 5.6.1.2: white space around commas, empty
//! elements ignored. White space around semicolons is not in the grammar, but many
//! write it, and it can hide nothing. A host with a port or in brackets must be
//! quoted, since a colon is no token character. Parameters other than `host` must
//! have the form and are not looked into.

use std::borrow::Cow;

/// A hop's words, of which only the host matters here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    /// As written, without quotes and escapes.
    pub(super) host: Option<Cow<'a, str>>,
}

/// The last element of a line, if it has any that is not empty. The whole line is
/// checked; the error is the offset of the first byte that does not fit.
pub(super) fn last_element(line: &str) -> Result<Option<Element<'_>>, usize> {
    let mut cursor = Cursor { line, at: 0 };
    let mut last = None;
    loop {
        last = cursor.element()?.or(last);
        if cursor.at == line.len() {
            return Ok(last);
        }
        cursor.expect(b',')?;
    }
}

struct Cursor<'a> {
    line: &'a str,
    /// At most the length of the line, and between characters: the line is ASCII.
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Everything up to a comma or the end; `None` if that is nothing.
    fn element(&mut self) -> Result<Option<Element<'a>>, usize> {
        self.skip(is_blank);
        if matches!(self.peek(), None | Some(b',')) {
            return Ok(None);
        }
        let mut element = Element { host: None };
        loop {
            if self.peek().is_some_and(is_token) {
                self.pair(&mut element)?;
                self.skip(is_blank);
            }
            if self.peek() != Some(b';') {
                return Ok(Some(element));
            }
            self.at += 1;
            self.skip(is_blank);
        }
    }

    fn pair(&mut self, element: &mut Element<'a>) -> Result<(), usize> {
        let start = self.at;
        let name = self.skip(is_token);
        self.expect(b'=')?;
        let value = self.value()?;
        if !name.eq_ignore_ascii_case("host") {
            return Ok(());
        }
        match element.host.replace(value) {
            None => Ok(()),
            // "Each parameter MUST NOT occur more than once per field-value."
            Some(_) => Err(start),
        }
    }

    fn value(&mut self) -> Result<Cow<'a, str>, usize> {
        if self.peek() == Some(b'"') {
            self.at += 1;
            return self.rest_of_quoted();
        }
        match self.skip(is_token) {
            "" => Err(self.at),
            token => Ok(token.into()),
        }
    }

    /// The text up to the closing quote, which is passed.
    fn rest_of_quoted(&mut self) -> Result<Cow<'a, str>, usize> {
        let mut text = Cow::Borrowed("");
        loop {
            let plain = self.skip(is_quotable);
            match text.is_empty() {
                true => text = plain.into(),
                false => text.to_mut().push_str(plain),
            }
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.at += 1;
                    let escaped = self.peek().filter(|byte| is_escapable(*byte));
                    text.to_mut().push(escaped.ok_or(self.at)?.into());
                    self.at += 1;
                }
                Some(_) | None => return Err(self.at),
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.line.as_bytes().get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Result<(), usize> {
        if self.peek() != Some(byte) {
            return Err(self.at);
        }
        self.at += 1;
        Ok(())
    }

    /// Passes the bytes that are `wanted`, and returns them.
    fn skip(&mut self, wanted: impl Fn(u8) -> bool) -> &'a str {
        let rest = &self.line[self.at..];
        let length = rest
            .bytes()
            .position(|byte| !wanted(byte))
            .unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// `tchar` of RFC 9110, 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// `qdtext` of RFC 9110, 5.6.4, within ASCII.
fn is_quotable(byte: u8) -> bool {
    is_escapable(byte) && byte != b'"' && byte != b'\\'
}

/// What may follow the backslash of a `quoted-pair`, within ASCII.
fn is_escapable(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~')
}
