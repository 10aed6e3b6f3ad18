//! Reads files piece by piece.

use std::io::Read;

use super::{
    Guards,
    frames::{Frames, Piece},
};
use crate::Error;

const CHUNK: usize = 1 << 18;

/// Reads to the end and hands on what is whole and fits.
///
/// Returns how many bytes were taken, and why there are no more: `Ok` at the end of a whole file.
pub(super) fn scan(
    mut file: impl Read,
    guards: &Guards,
    mut take: impl FnMut(Piece<'_>) -> Result<(), Error>,
) -> (u64, Result<(), Error>) {
    let mut taken = 0;
    let result = read(&mut file, guards, &mut taken, &mut take);
    (taken, result)
}

fn read(
    file: &mut impl Read,
    guards: &Guards,
    taken: &mut u64,
    take: &mut impl FnMut(Piece<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut frames = Frames::new();
    let mut chunk = vec![0; CHUNK];
    let mut bytes = 0;
    loop {
        let length = match file.read(&mut chunk) {
            Ok(0) => return Ok(frames.finish()?),
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        bytes += length as u64;
        guards.judge_bytes(bytes)?;
        frames.push(&chunk[..length]);
        while let Some(piece) = frames.next()? {
            take(piece)?;
            *taken = frames.passed();
        }
    }
}
