//! What stands below each command's options.

/// Examples, from the literal's second line on, and exit codes.
macro_rules! help {
    ($examples:literal) => {
        concat!(
            "Examples:",
            $examples,
            "\n\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 conflict, 5 no server answers"
        )
    };
}
