//! What is wrong with a line, and what it does to a connection.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Direction {
    /// Questions.
    ToServer,
    /// Answers.
    ToClient,
    /// Questions and answers.
    Both,
}

/// What is wrong with a line at one time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    pub(super) delay: Duration,
    pub(super) hang: Option<Direction>,
    pub(super) refuses: bool,
    /// How often everything was cut; a connection that saw a smaller number is cut.
    pub(super) cuts: u64,
}

impl Faults {
    /// The same line without faults. What was cut stays cut.
    pub(super) fn healed(self) -> Self {
        let cuts = self.cuts;
        Self {
            cuts,
            ..Self::default()
        }
    }

    fn hangs(self, way: Direction) -> bool {
        matches!(self.hang, Some(hang) if hang == way || hang == Direction::Both)
    }
}

/// The connection was cut.
#[derive(Debug)]
pub(super) struct Cut;

/// One connection's view of the faults.
#[derive(Clone, Debug)]
pub(super) struct Line {
    faults: watch::Receiver<Faults>,
    cuts_before: u64,
}

impl Line {
    pub(super) fn new(faults: watch::Receiver<Faults>) -> Self {
        let cuts_before = faults.borrow().cuts;
        Self {
            faults,
            cuts_before,
        }
    }

    /// Waits for as long as something that goes this way is held back.
    pub(super) async fn pass(&mut self, way: Direction) -> Result<(), Cut> {
        loop {
            let faults = *self.faults.borrow_and_update();
            if faults.cuts != self.cuts_before {
                return Err(Cut);
            }
            if faults.hangs(way) {
                self.faults.changed().await.map_err(|_| Cut)?;
            } else if faults.delay.is_zero() {
                return Ok(());
            } else {
                match timeout(faults.delay, self.faults.changed()).await {
                    Ok(changed) => changed.map_err(|_| Cut)?,
                    Err(_waited_long_enough) => return Ok(()),
                }
            }
        }
    }

    /// Waits for the cut.
    pub(super) async fn cut(mut self) {
        let before = self.cuts_before;
        // A proxy that is gone has cut all its lines.
        let _cut = self.faults.wait_for(|faults| faults.cuts != before).await;
    }
}
