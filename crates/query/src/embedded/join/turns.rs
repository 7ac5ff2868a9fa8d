//! Giving way: work that takes long is in small steps, between which others have their turn.

use std::time::{Duration, Instant};

/// Rows or entries that take less than a millisecond.
pub(super) const MANY: usize = 1 << 12;

/// How long a join goes on before others have their turn.
const GIVES_WAY: Duration = Duration::from_millis(5);

/// Lets others have their turn, and who waits no more be noticed, every few milliseconds: whether anything comes out or
/// not, and however quickly it is taken.
pub(super) struct Turns {
    /// When it was last their turn.
    since: Instant,
}

impl Default for Turns {
    fn default() -> Self {
        Turns { since: Instant::now() }
    }
}

impl Turns {
    pub(super) async fn give_way(&mut self) {
        if self.since.elapsed() > GIVES_WAY {
            tokio::task::yield_now().await;
            self.since = Instant::now();
        }
    }
}
