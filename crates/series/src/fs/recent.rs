//! The few of many that were used last.

use std::collections::VecDeque;

/// At most so many, the one used last in front.
pub(super) struct Recent<T> {
    kept: VecDeque<T>,
    most: usize,
}

impl<T> Recent<T> {
    pub(super) fn new(most: usize) -> Self {
        Recent { kept: VecDeque::with_capacity(most), most }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.kept.iter()
    }

    /// Uses the first that is asked for; false if none is kept.
    pub(super) fn find(&mut self, is: impl Fn(&T) -> bool) -> bool {
        let Some(at) = self.kept.iter().position(is) else { return false };
        if at > 0 {
            let found = self.kept.remove(at);
            self.kept.extend(found);
            self.kept.rotate_right(1);
        }
        true
    }

    /// Uses another one, and forgets what was not used for the longest time.
    pub(super) fn push(&mut self, another: T) {
        self.kept.truncate(self.most - 1);
        self.kept.push_front(another);
    }

    /// The one used last; there must be one.
    pub(super) fn last(&self) -> &T {
        &self.kept[0]
    }

    /// As [`last`](Recent::last).
    pub(super) fn last_mut(&mut self) -> &mut T {
        &mut self.kept[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_the_longest_time_is_forgotten() {
        let mut recent = Recent::new(3);
        for n in 0..3 {
            recent.push(n);
        }
        assert!(recent.find(|n| *n == 0));
        assert_eq!(*recent.last(), 0);
        recent.push(3);
        assert_eq!(recent.iter().copied().collect::<Vec<_>>(), [3, 0, 2]);
        assert!(!recent.find(|n| *n == 1));
        *recent.last_mut() += 1;
        assert_eq!(*recent.last(), 4);
    }
}
