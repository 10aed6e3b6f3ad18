//! Takes bytes as they come, and gives back what is whole and checked.

use super::{
    Damage,
    format::{self, BLOCK, BLOCK_HEAD, Chain, END, HEADER, Header, Kind},
    size::Totals,
};

/// A whole part of a file or stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Header(Header),
    Block(&'a [u8]),
    End(Totals),
}

/// A file, or a stream of logs and then a base. Holds at most a block and what was pushed last.
#[derive(Debug)]
pub(crate) struct Frames {
    buffer: Vec<u8>,
    /// What is before it was given back already.
    start: usize,
    /// Bytes that were given back as whole pieces.
    passed: u64,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// To `Within` with a header.
    Outside,
    /// Stays with a block, or the header of the next log or base; to `Over` with the end of a base.
    Within(Kind, Chain),
    /// Nothing may follow.
    Over,
}

impl Frames {
    pub(crate) fn new() -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            passed: 0,
            state: State::Outside,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// How many bytes were whole and fitted, from the beginning.
    pub(super) fn passed(&self) -> u64 {
        self.passed
    }

    /// The next piece, or `None` while it is not whole.
    pub(crate) fn next(&mut self) -> Result<Option<Piece<'_>>, Damage> {
        let rest = &self.buffer[self.start..];
        match self.state {
            State::Over if rest.is_empty() => Ok(None),
            State::Over => Err(Damage::Trailing),
            State::Outside => self.header(),
            State::Within(kind, chain) => {
                let Some(head) = rest.first_chunk::<BLOCK_HEAD>() else {
                    return Ok(None);
                };
                if kind == Kind::Log && format::is_header(head) {
                    return self.header();
                }
                let (length, _) = head.split_first_chunk().expect("a head has a length");
                match u32::from_le_bytes(*length) {
                    0 if kind == Kind::Base => self.end(chain),
                    length if length == 0 || length as usize > BLOCK => {
                        Err(Damage::Length { found: length })
                    }
                    length => self.block(length, kind, chain),
                }
            }
        }
    }

    /// What is missing when nothing comes any more: the end of a base, or a part of a block.
    pub(super) fn finish(&self) -> Result<(), Damage> {
        match self.state {
            State::Over => Ok(()),
            State::Within(Kind::Log, _) if self.start == self.buffer.len() => Ok(()),
            _ => Err(Damage::Truncated),
        }
    }

    fn header(&mut self) -> Result<Option<Piece<'_>>, Damage> {
        let Some(bytes) = self.buffer[self.start..].first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let (header, chain) = Header::read(bytes)?;
        self.state = State::Within(header.kind, chain);
        self.pass(HEADER);
        Ok(Some(Piece::Header(header)))
    }

    fn block(
        &mut self,
        length: u32,
        kind: Kind,
        chain: Chain,
    ) -> Result<Option<Piece<'_>>, Damage> {
        let whole = BLOCK_HEAD + length as usize;
        let at = self.start;
        let Some(bytes) = self.buffer.get(at..at + whole) else {
            return Ok(None);
        };
        let chain = chain.over(length, &bytes[BLOCK_HEAD..]);
        if !chain.fits(&bytes[4..BLOCK_HEAD]) {
            return Err(Damage::Checksum);
        }
        self.state = State::Within(kind, chain);
        self.pass(whole);
        Ok(Some(Piece::Block(
            &self.buffer[at + BLOCK_HEAD..at + whole],
        )))
    }

    fn end(&mut self, chain: Chain) -> Result<Option<Piece<'_>>, Damage> {
        let Some(bytes) = self.buffer[self.start..].first_chunk::<END>() else {
            return Ok(None);
        };
        let totals = format::read_end(bytes, chain)?;
        self.state = State::Over;
        self.pass(END);
        Ok(Some(Piece::End(totals)))
    }

    fn pass(&mut self, bytes: usize) {
        self.start += bytes;
        self.passed += bytes as u64;
    }
}
