//! One cell of a row and what it means. All functions take trimmed text.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::error::RowError;
use super::product::{Collection, Policy, Status};

/// How much of a bad cell an error repeats, in characters.
const SHOWN: usize = 40;

/// The place of an image that has none of its own.
pub(super) const LAST: u32 = u32::MAX;

/// A handle in its one spelling: small letters, hyphens for spaces and
/// underscores.
pub(super) fn handle(text: &str, limit: usize) -> Result<String, RowError> {
    if text.chars().count() > limit {
        return Err(RowError::TextTooLong { limit });
    }
    let mut handle = String::with_capacity(text.len());
    for c in text.chars() {
        match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9' | '-') => handle.push(c),
            ' ' | '_' => handle.push('-'),
            _ => {
                return Err(RowError::HandleInvalid {
                    handle: shown(text),
                });
            }
        }
    }
    if handle.is_empty() {
        Err(RowError::HandleMissing)
    } else {
        Ok(handle)
    }
}

/// A text on one line: no control characters, no two spaces in a row.
pub(super) fn line(text: &str, limit: usize) -> Result<String, RowError> {
    let words = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty());
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if line.chars().count() > limit {
        Err(RowError::TextTooLong { limit })
    } else {
        Ok(line)
    }
}

/// A comma separated list without empty and repeated entries.
pub(super) fn tags(text: &str, chars: usize, limit: usize) -> Result<Vec<String>, RowError> {
    let mut seen = std::collections::HashSet::new();
    let mut tags = Vec::new();
    for tag in text.split(',') {
        let tag = line(tag, chars)?;
        if !tag.is_empty() && seen.insert(tag.to_lowercase()) {
            tags.push(tag);
        }
        if tags.len() > limit {
            return Err(RowError::TooManyTags { limit });
        }
    }
    Ok(tags)
}

/// `true` or `false`; an empty cell is `true`, the format's default.
pub(super) fn published(text: &str) -> Result<bool, RowError> {
    match text.to_ascii_lowercase().as_str() {
        "" | "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(unknown(text, "true, false")),
    }
}

/// A product's status; an empty cell is `active`, the format's default.
pub(super) fn status(text: &str) -> Result<Status, RowError> {
    match text.to_ascii_lowercase().as_str() {
        "" | "active" => Ok(Status::Active),
        "draft" => Ok(Status::Draft),
        "archived" => Ok(Status::Archived),
        _ => Err(unknown(text, "active, draft, archived")),
    }
}

/// An inventory policy; an empty cell is `deny`, the format's default.
pub(super) fn policy(text: &str) -> Result<Policy, RowError> {
    match text.to_ascii_lowercase().as_str() {
        "" | "deny" => Ok(Policy::Deny),
        "continue" => Ok(Policy::Continue),
        _ => Err(unknown(text, "deny, continue")),
    }
}

/// A count of stock. Exports have negative ones, for goods sold beyond it.
pub(super) fn quantity(text: &str) -> Result<i64, RowError> {
    let (least, most) = (i64::from(i32::MIN), i64::from(i32::MAX));
    whole_number(text, least, most)
}

/// A weight. Exports have decimals, where the merchant entered pounds; they
/// are rounded half up. An empty cell is 0.
pub(super) fn grams(text: &str) -> Result<u32, RowError> {
    if text.is_empty() {
        return Ok(0);
    }
    let most = i64::from(i32::MAX);
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_decimal = !decimals.is_empty() && decimals.bytes().all(|b| b.is_ascii_digit());
    let grams = whole_number(whole, 0, most).ok().filter(|_| is_decimal);
    let rounded = grams.map(|grams| grams + i64::from(decimals.as_bytes()[0] >= b'5'));
    rounded
        .and_then(|grams| u32::try_from(grams).ok())
        .ok_or_else(|| not_a_number(text, 0, most))
}

/// A place among a product's images, from 1. An empty cell is [`LAST`].
pub(super) fn position(text: &str) -> Result<u32, RowError> {
    if text.is_empty() {
        return Ok(LAST);
    }
    let most = i64::from(i32::MAX);
    let number = whole_number(text, 1, most)?;
    u32::try_from(number).map_err(|_| not_a_number(text, 1, most))
}

/// An image's address: absolute with http or https, or a path on the site
/// itself. `//host/…` is another site, and a backslash is a slash to browsers.
pub(super) fn image_url(text: &str, limit: usize) -> Result<String, RowError> {
    if text.chars().count() > limit {
        return Err(RowError::TextTooLong { limit });
    }
    let refused = |c: char| c.is_whitespace() || c.is_control() || "\\\"<>`".contains(c);
    let lower = text.to_ascii_lowercase();
    let host = lower
        .strip_prefix("https://")
        .or_else(|| lower.strip_prefix("http://"));
    let fine = match host {
        Some(host) => !host.is_empty() && !host.starts_with(['/', '?', '#', ':', '@']),
        None => text.starts_with('/') && !text.starts_with("//"),
    };
    if fine && !text.contains(refused) {
        Ok(text.to_owned())
    } else {
        Err(RowError::UrlRefused { text: shown(text) })
    }
}

/// A collection from its title.
///
/// Accents are dropped. Other letters outside ASCII have no place in a handle;
/// so that titles that differ only there stay apart, such a handle ends with a
/// piece of the title's hash.
pub(super) fn collection(title: String) -> Collection {
    let mut handle = String::new();
    let mut lossy = false;
    for c in title.nfkd().filter(|c| !is_combining_mark(*c)) {
        match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9') => handle.push(c),
            c if c.is_alphanumeric() => lossy = true,
            _ if handle.ends_with('-') || handle.is_empty() => {}
            _ => handle.push('-'),
        }
    }
    handle.truncate(handle.trim_end_matches('-').len());
    if lossy || handle.is_empty() {
        let hash = blake3::hash(title.to_lowercase().as_bytes()).to_hex();
        let dash = if handle.is_empty() { "" } else { "-" };
        handle = format!("{handle}{dash}{}", &hash[..8]);
    }
    Collection { handle, title }
}

fn whole_number(text: &str, least: i64, most: i64) -> Result<i64, RowError> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|number| is_plain && (least..=most).contains(number))
        .ok_or_else(|| not_a_number(text, least, most))
}

fn not_a_number(text: &str, least: i64, most: i64) -> RowError {
    let text = shown(text);
    RowError::NotANumber { text, least, most }
}

fn unknown(text: &str, expected: &'static str) -> RowError {
    let text = shown(text);
    RowError::UnknownWord { text, expected }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}
