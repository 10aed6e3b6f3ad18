//! Descriptions that are safe to show.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::Limits;
use super::error::RowError;

/// `ammonia`'s allow list of tags and attributes, with fewer ways for a link
/// to go.
static SANITIZER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
    let mut sanitizer = ammonia::Builder::default();
    sanitizer.url_schemes(HashSet::from(["http", "https", "mailto", "tel"]));
    sanitizer
});

/// Makes a description safe.
///
/// # Errors
///
/// [`RowError::TooMuchMarkup`]: the HTML parser below takes time that grows
/// with the square of the nesting and of the attributes of a tag
/// (servo/html5ever, issue 788), so that a megabyte of `<div>` would take
/// minutes. What is counted here bounds both without parsing.
pub(super) fn sanitised(html: &str, limits: &Limits) -> Result<String, RowError> {
    let mut stretches = html.split('<');
    stretches.next();
    let (mut tags, mut longest) = (0, 0);
    for stretch in stretches {
        tags += 1;
        longest = longest.max(stretch.len());
    }
    if tags > limits.html_tags || longest > limits.html_tag_bytes {
        return Err(RowError::TooMuchMarkup {
            tags: limits.html_tags,
            bytes: limits.html_tag_bytes,
        });
    }
    Ok(SANITIZER.clean(html).to_string())
}
