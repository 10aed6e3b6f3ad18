use clap::{ArgMatches, Args, Command, Error, FromArgMatches, Subcommand};

use super::remote::{Remote, Task};

/// A command that lists, and has commands below it for what it lists: `orders`, and `orders show`.
///
/// The list's options belong to the list alone; the others have their own.
#[derive(Debug)]
pub(super) enum Nested<L: Task, S> {
    /// The command itself.
    List(Remote<L>),
    /// A command below it.
    Below(S),
}

impl<L: Task, S: Subcommand> FromArgMatches for Nested<L, S> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        match matches.subcommand_name() {
            Some(_) => S::from_arg_matches(matches).map(Self::Below),
            None => Remote::from_arg_matches(matches).map(Self::List),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<L: Task, S: Subcommand> Args for Nested<L, S> {
    fn augment_args(command: Command) -> Command {
        // The list comes last: the command's description is the list's.
        Remote::<L>::augment_args(S::augment_subcommands(command))
            .args_conflicts_with_subcommands(true)
            .subcommand_negates_reqs(true)
            .subcommand_required(false)
            .arg_required_else_help(false)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
