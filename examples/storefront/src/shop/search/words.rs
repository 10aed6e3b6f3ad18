//! Text to words: what is stored for a product, and what a visitor's text asks for.
//!
//! Both go through the same steps, so that they meet:
//!
//! 1. Letters become small, and marks above and below Latin, Greek and Cyrillic letters go: `CAFÉ` and `cafe`
//!    are one word. `ß`, `ø`, `ł`, `đ`, `æ`, `œ`, `þ` and dotless `ı` are written with plain letters.
//!    Compatibility forms (`ﬁ`, full-width letters) become plain ones (Unicode NFKC).
//! 2. A word is a run of letters, digits and the marks of scripts that need them. Apostrophes within a word
//!    are left out (`men's` is `mens`); everything else separates.
//! 3. Scripts that put no spaces between words (Chinese, Japanese) give one word for each character.
//! 4. A word is cut after 64 characters.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::shop::ShopError;

/// How many words a visitor may search for; as many as the statements have room for.
pub(super) const ASKED: usize = 16;

/// Longer words are cut here, in characters.
const WORD_CHARS: usize = 64;

/// How much of its beginning a word is filed under, in characters. See [`head`].
const HEAD_CHARS: usize = 2;

/// The words that a visitor searches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// Words that must be there as they are; without repetitions.
    pub(super) whole: Vec<String>,
    /// How some word must begin.
    pub(super) beginning: String,
}

impl Words {
    /// The words of what was typed; `None` when nothing was.
    ///
    /// # Errors
    /// [`ShopError::InvalidRequest`] for more than 16 different words.
    pub fn asked(text: &str) -> Result<Option<Self>, ShopError> {
        if text.is_empty() {
            return Ok(None);
        }
        let mut whole = words(text);
        // Nothing but punctuation is searched for as it is, and found nowhere.
        let beginning = whole.pop().unwrap_or_else(|| text.to_owned());
        whole.sort_unstable();
        whole.dedup();
        if whole.len() >= ASKED {
            let message = format!("it has more than {ASKED} words");
            return Err(ShopError::invalid("q", message));
        }
        Ok(Some(Self { whole, beginning }))
    }
}

/// The words of a text, in their order, with repetitions.
pub fn words(text: &str) -> Vec<String> {
    let folded = fold(text);
    let mut words = Vec::new();
    let mut word = String::new();
    for c in folded.chars() {
        if stands_alone(c) {
            end(&mut word, &mut words);
            words.push(c.into());
        } else if c.is_alphanumeric() || (is_combining_mark(c) && !word.is_empty()) {
            word.push(c);
        } else if !is_apostrophe(c) {
            end(&mut word, &mut words);
        }
    }
    end(&mut word, &mut words);
    words
}

/// What a word is filed under: its first two characters, or all of a shorter one.
///
/// The beginning of a word is looked up by its head and then compared, which needs nothing but equality from
/// the database. A beginning of one character would match half the shop, so it is taken as a whole word.
pub fn head(word: &str) -> &str {
    match word.char_indices().nth(HEAD_CHARS) {
        Some((end, _)) => &word[..end],
        None => word,
    }
}

/// Step 1: one form for all ways to write a text. Titles are sorted by it, too.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let bare = text.nfkd().filter(|c| !('\u{300}'..='\u{36f}').contains(c));
    for c in bare.nfc().flat_map(char::to_lowercase) {
        match c {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'ı' => folded.push('i'),
            // Small letters of a few capitals bring a mark along: İ.
            '\u{300}'..='\u{36f}' => {}
            c => folded.push(c),
        }
    }
    folded
}

fn end(word: &mut String, words: &mut Vec<String>) {
    if !word.is_empty() {
        // What was left out may have stood between two marks, which have an order of their own.
        words.push(word.nfc().take(WORD_CHARS).collect());
        word.clear();
    }
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '\u{2019}' | '\u{2bc}')
}

/// Kana, bopomofo and ideographs.
fn stands_alone(c: char) -> bool {
    matches!(c,
        '\u{3040}'..='\u{312f}'
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &[&str]) {
        assert_eq!(words(text), expect, "{text:?}");
    }

    #[test]
    fn texts_become_words() {
        check("", &[]);
        check(" -- !? ", &[]);
        check("Blue T-Shirt", &["blue", "t", "shirt"]);
        check("CAFÉ crème", &["cafe", "creme"]);
        check("cafe\u{301}", &["cafe"]);
        check("Straße Søren Łódź", &["strasse", "soren", "lodz"]);
        check("İstanbul ılık", &["istanbul", "ilik"]);
        check("men's women’s", &["mens", "womens"]);
        check("100% wool, 3.5mm", &["100", "wool", "3", "5mm"]);
        check("ﬁne ＡＢＣ", &["fine", "abc"]);
        check("青い靴", &["青", "い", "靴"]);
        check("が", &["が"]);
        check("נעל כחולה", &["נעל", "כחולה"]);
        check("हिन्दी जूते", &["हिन्दी", "जूते"]);
        check("mug☕️cup", &["mug", "cup"]);
        check("<b>bold</b>", &["b", "bold", "b"]);
        check("snake_case", &["snake", "case"]);
        check("A\u{fe20}'\u{1ab5}", &["a\u{1ab5}\u{fe20}"]);
    }

    #[test]
    fn heads_are_cut_between_characters() {
        for (word, expect) in [
            ("", ""),
            ("a", "a"),
            ("ab", "ab"),
            ("abc", "ab"),
            ("čaj", "ča"),
        ] {
            assert_eq!(head(word), expect);
        }
    }

    proptest! {
        #[test]
        fn words_are_stable(text in "\\PC{0,60}") {
            for word in words(&text) {
                prop_assert!(!word.is_empty());
                prop_assert!(word.chars().count() <= WORD_CHARS);
                prop_assert!(word.starts_with(head(&word)));
                prop_assert_eq!(words(&word), vec![word.clone()], "{:?}", text);
            }
        }
    }
}
