//! Which statements a tenant's transaction runs. Pure.
//!
//! The database's own guards are what isolates (see [`db`](super)); this looks at the text for what those
//! guards cannot see: a statement that ends the transaction, names a schema behind the tenant's views, or
//! has a parameter that nobody bound (SQLite takes it as NULL without a word). It knows just enough of SQL
//! to tell words from quoted text and comments, and refuses quoting that the two databases read differently,
//! so that no text means one thing here and another there.

#[cfg(test)]
mod tests;

/// Why the text of a statement is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SqlRefused {
    /// It does not begin with `select`, `insert`, `update`, `delete`, `merge`, `with` or `values`.
    #[error("a statement reads or changes rows, and does not begin with {found:?}")]
    NotAStatement {
        /// Its first word.
        found: Box<str>,
    },
    /// There is something after a semicolon.
    #[error("one text holds one statement")]
    SecondStatement,
    /// It is not prepared, so that it may hold more than one statement.
    #[error("a tenant's transaction runs prepared statements only: use `sqlx::query`")]
    NotPrepared,
    /// It names what belongs to the database or to this crate.
    #[error("the name {found:?} is out of a tenant's reach")]
    ReservedName {
        /// The name.
        found: Box<str>,
    },
    /// It is written in a way that the databases read differently.
    #[error("{found:?} is not understood alike by all databases")]
    NotPortable {
        /// What was found.
        found: Box<str>,
    },
    /// A quotation or comment has no end.
    #[error("a quotation or comment has no end")]
    Unterminated,
}

const VERBS: [&str; 7] = [
    "select", "insert", "update", "delete", "merge", "with", "values",
];

/// Schemas that reach behind the views, and the platform's own; refused where a dot follows.
const SCHEMAS: [&str; 3] = ["main", "temp", OURS];
const OURS: &str = "tenancy";

/// Of this crate's schema on Postgres, what is made for a tenant's own statements; `search_` begins the names
/// of the searches that a manifest declares.
const DOORS: [&str; 2] = ["current_tenant", "current_external"];
const SEARCHES: &str = "search_";

const RESERVED_PREFIXES: [&str; 5] = [
    "sqlite_",
    "pragma_",
    "tenancy_",
    "pg_advisory_",
    "pg_try_advisory_",
];

/// What outlives the transaction on Postgres, or reaches for another connection.
const RESERVED_NAMES: [&str; 4] = [
    "set_config",
    "pg_settings",
    "pg_terminate_backend",
    "pg_cancel_backend",
];

/// The highest numbered parameter of a statement that may run. Linear in the text.
pub(super) fn parameters(sql: &str) -> Result<usize, SqlRefused> {
    let mut scan = Scan {
        rest: sql,
        highest: 0,
    };
    let mut first = true;
    let mut before = Before::Other;
    let mut ended = false;
    while let Some(token) = scan.token()? {
        if ended {
            return Err(SqlRefused::SecondStatement);
        }
        // `(select ..) union (select ..)` begins with its first query.
        if first && !matches!(token, Token::Sign('(')) {
            first = false;
            check_verb(&token)?;
        }
        match (std::mem::replace(&mut before, Before::Other), &token) {
            (Before::Schema(name), Token::Sign('.')) if name.eq_ignore_ascii_case(OURS) => {
                before = Before::Ours(name);
            }
            (Before::Schema(name) | Before::Text(name), Token::Sign('.')) => {
                return Err(SqlRefused::ReservedName { found: name.into() });
            }
            (Before::Ours(_), Token::Word(word)) if is_door(word) => {}
            (Before::Ours(name), _) => {
                return Err(SqlRefused::ReservedName { found: name.into() });
            }
            (_, Token::Word(word) | Token::Quoted(word)) => {
                check_name(word)?;
                if SCHEMAS.iter().any(|s| word.eq_ignore_ascii_case(s)) {
                    before = Before::Schema(word);
                }
            }
            // SQLite takes a text for a name where only a name makes sense: `'main'.product`, and
            // `update 'tenancy_current'`. A value that looks like a reserved name is bound instead.
            (_, Token::Text(text)) => {
                check_name(text)?;
                before = Before::Text(text);
            }
            (_, Token::Sign(';')) => ended = true,
            (_, Token::Sign(_)) => {}
        }
    }
    match before {
        Before::Ours(name) => Err(SqlRefused::ReservedName { found: name.into() }),
        _ if first => Err(SqlRefused::NotAStatement { found: "".into() }),
        _ => Ok(scan.highest),
    }
}

/// What the token before may begin.
enum Before<'s> {
    Other,
    /// The name of a schema that is closed, if a dot follows.
    Schema(&'s str),
    /// A text, which SQLite reads as a name, if a dot follows.
    Text(&'s str),
    /// Our schema's name, as it is written, and the dot.
    Ours(&'s str),
}

fn is_door(name: &str) -> bool {
    let starts = name.get(..SEARCHES.len());
    starts.is_some_and(|start| start.eq_ignore_ascii_case(SEARCHES))
        || DOORS.iter().any(|door| name.eq_ignore_ascii_case(door))
}

fn check_verb(token: &Token<'_>) -> Result<(), SqlRefused> {
    let found = match token {
        Token::Word(word) if VERBS.iter().any(|verb| word.eq_ignore_ascii_case(verb)) => {
            return Ok(());
        }
        Token::Word(word) | Token::Quoted(word) | Token::Text(word) => (*word).into(),
        Token::Sign(sign) => sign.to_string().into(),
    };
    Err(SqlRefused::NotAStatement { found })
}

fn check_name(name: &str) -> Result<(), SqlRefused> {
    let reserved = RESERVED_NAMES
        .iter()
        .any(|reserved| name.eq_ignore_ascii_case(reserved))
        || RESERVED_PREFIXES.iter().any(|prefix| {
            name.get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        });
    if reserved {
        Err(SqlRefused::ReservedName { found: name.into() })
    } else {
        Ok(())
    }
}

enum Token<'s> {
    Word(&'s str),
    /// An identifier in double quotes, without them.
    Quoted(&'s str),
    /// A text in single quotes, without them.
    Text(&'s str),
    Sign(char),
}

struct Scan<'s> {
    rest: &'s str,
    highest: usize,
}

impl<'s> Scan<'s> {
    /// The next token; numbers, parameters and comments are passed over.
    fn token(&mut self) -> Result<Option<Token<'s>>, SqlRefused> {
        loop {
            let Some(next) = self.rest.chars().next() else {
                return Ok(None);
            };
            match next {
                _ if next.is_ascii_whitespace() => self.skip(1),
                '-' if self.rest.starts_with("--") => {
                    // Postgres ends it at a carriage return, too, and SQLite goes on.
                    let end = self.rest.find(['\n', '\r']);
                    let rest = &self.rest[end.unwrap_or(self.rest.len())..];
                    if rest.starts_with('\r') && !rest.starts_with("\r\n") {
                        return Err(SqlRefused::NotPortable { found: "\r".into() });
                    }
                    self.skip(end.unwrap_or(self.rest.len()));
                }
                '/' if self.rest.starts_with("/*") => self.comment()?,
                '\'' => return self.quoted('\'').map(|text| Some(Token::Text(text))),
                '"' => return self.quoted('"').map(|name| Some(Token::Quoted(name))),
                '0'..='9' => drop(self.word()),
                '$' => self.parameter()?,
                // SQLite quotes names with the first two, has unnumbered parameters, and skips a byte order mark.
                '`' | '[' | '?' | '\u{feff}' => return Err(self.not_portable(1)),
                ':' | '@' if self.rest[1..].starts_with(is_word_start) => {
                    return Err(self.not_portable(2));
                }
                ':' if self.rest.starts_with("::") => self.skip(2),
                // Some are white space on one of the databases only.
                _ if next.is_ascii_control() => return Err(self.not_portable(1)),
                _ if is_word_start(next) => {
                    let word = self.word();
                    // `E'..'` and the like: their rules of escaping differ.
                    let unicode = word.eq_ignore_ascii_case("u")
                        && (self.rest.starts_with("&'") || self.rest.starts_with("&\""));
                    if unicode || self.rest.starts_with('\'') {
                        return Err(SqlRefused::NotPortable { found: word.into() });
                    }
                    return Ok(Some(Token::Word(word)));
                }
                _ => {
                    self.skip(next.len_utf8());
                    return Ok(Some(Token::Sign(next)));
                }
            }
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn take(&mut self, bytes: usize) -> &'s str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        taken
    }

    fn word(&mut self) -> &'s str {
        let end = self.rest.find(|c| !is_word_part(c));
        self.take(end.unwrap_or(self.rest.len()))
    }

    fn not_portable(&self, chars: usize) -> SqlRefused {
        SqlRefused::NotPortable {
            found: self.rest.chars().take(chars).collect(),
        }
    }

    /// Postgres nests comments and SQLite does not, so one inside another is refused.
    fn comment(&mut self) -> Result<(), SqlRefused> {
        let inside = &self.rest[2..];
        let end = inside.find("*/").ok_or(SqlRefused::Unterminated)?;
        if inside[..end].contains("/*") {
            return Err(SqlRefused::NotPortable { found: "/*".into() });
        }
        self.skip(2 + end + 2);
        Ok(())
    }

    /// A text or name, in which the quote itself is doubled. A backslash is an ordinary character, as the
    /// standard says.
    fn quoted(&mut self, quote: char) -> Result<&'s str, SqlRefused> {
        let inside = &self.rest[1..];
        let mut from = 0;
        loop {
            let end = from + inside[from..].find(quote).ok_or(SqlRefused::Unterminated)?;
            if !inside[end + 1..].starts_with(quote) {
                self.skip(1 + end + 1);
                return Ok(&inside[..end]);
            }
            from = end + 2;
        }
    }

    fn parameter(&mut self) -> Result<(), SqlRefused> {
        let digits = self.rest[1..]
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(self.rest.len() - 1);
        let number = self.rest[1..=digits].parse().unwrap_or(0_usize);
        // `$tag$` begins a text on Postgres and a named parameter on SQLite.
        if number == 0 || self.rest[1 + digits..].starts_with(is_word_part) {
            return Err(self.not_portable(2));
        }
        self.highest = self.highest.max(number);
        self.skip(1 + digits);
        Ok(())
    }
}

fn is_word_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

fn is_word_part(c: char) -> bool {
    is_word_start(c) || c.is_ascii_digit() || c == '$'
}
