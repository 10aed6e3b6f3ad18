/// Of rows in any order: cells may order texts differently. Pure.
///
/// The sum of the rows' hashes, word by word. It tells rows that differ by accident; nobody is kept from
/// making others with the same sum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fingerprint {
    pub(super) rows: u64,
    sum: [u64; 4],
}

impl Fingerprint {
    pub(super) fn add(&mut self, line: &[u8]) {
        self.rows += 1;
        let hash = blake3::hash(line);
        for (sum, bytes) in self.sum.iter_mut().zip(hash.as_bytes().chunks_exact(8)) {
            let word = u64::from_le_bytes(bytes.try_into().expect("8 bytes"));
            *sum = sum.wrapping_add(word);
        }
    }
}
