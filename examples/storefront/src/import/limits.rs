//! How much of a file is held at once.

/// Bounds of an import. Together they bound its memory, whatever the file.
///
/// The defaults are what a real catalogue stays far below. All are inclusive:
/// a field of exactly `field_bytes` is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of one field, without its quotes. A longer one rejects its row.
    pub field_bytes: usize,
    /// Bytes of one record in the file, quotes and line breaks included. A
    /// longer one stops the import: it is a lost quote or not a CSV file.
    pub record_bytes: usize,
    /// Columns of the file.
    pub columns: usize,
    /// Products of one file. Each costs about 17 bytes of memory, to notice a
    /// handle that comes again.
    pub products: usize,
    /// Rows of one product, and so the number of its variants.
    pub rows_per_product: usize,
    /// Images of one product.
    pub images_per_product: usize,
    /// Tags of one product.
    pub tags_per_product: usize,
    /// Characters of a title, handle, tag, SKU and every other one-line text.
    pub text_chars: usize,
    /// Characters of an image's address.
    pub url_chars: usize,
    /// Tags (`<`) in a description. The HTML parser's time grows with the
    /// square of the nesting.
    pub html_tags: usize,
    /// Bytes from one `<` of a description to the next. The HTML parser's time
    /// grows with the square of the number of attributes of a tag.
    pub html_tag_bytes: usize,
    /// Findings that a report keeps of each sort; the others are counted.
    pub findings: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            field_bytes: 1 << 20,
            record_bytes: 4 << 20,
            columns: 1_024,
            products: 500_000,
            rows_per_product: 2_000,
            images_per_product: 250,
            tags_per_product: 250,
            text_chars: 255,
            url_chars: 2_048,
            html_tags: 2_000,
            html_tag_bytes: 2_048,
            findings: 1_000,
        }
    }
}
