//! Bringing a list on the screen up to date by touching only the rows that differ, so that Slint
//! neither builds nor draws the others again.

use slint::{Model, VecModel};

/// What a list shows: values that can be compared, and the rows that were made of them.
pub(crate) struct Shown<T, R: 'static> {
    values: Vec<T>,
    rows: std::rc::Rc<VecModel<R>>,
}

impl<T, R: Clone + 'static> Default for Shown<T, R> {
    fn default() -> Self {
        Self { values: Vec::new(), rows: std::rc::Rc::default() }
    }
}

impl<T: PartialEq, R: Clone + 'static> Shown<T, R> {
    pub(crate) fn rows(&self) -> std::rc::Rc<VecModel<R>> {
        std::rc::Rc::clone(&self.rows)
    }

    pub(crate) fn values(&self) -> &[T] {
        &self.values
    }

    /// Shows `values` from now on; makes rows of those that are new or changed.
    pub(crate) fn set(&mut self, values: Vec<T>, row: impl Fn(&T) -> R) {
        let same = |(old, new): &(&T, &T)| old == new;
        let head = self.values.iter().zip(&values).take_while(same).count();
        let tail_of =
            |old: &[T]| old.iter().rev().zip(values[head..].iter().rev()).take_while(same).count();
        let tail = tail_of(&self.values[head..]);
        let (old_end, new_end) = (self.values.len() - tail, values.len() - tail);
        let kept = old_end.min(new_end);
        for (index, value) in values.iter().enumerate().take(kept).skip(head) {
            if self.values[index] != *value {
                self.rows.set_row_data(index, row(value));
            }
        }
        for _ in kept..old_end {
            self.rows.remove(kept);
        }
        for (index, value) in values.iter().enumerate().take(new_end).skip(kept) {
            self.rows.insert(index, row(value));
        }
        self.values = values;
    }

    /// Makes the rows of the values again that `which` is true of, because something that is not
    /// in the values has changed.
    pub(crate) fn refresh(&self, which: impl Fn(&T) -> bool, row: impl Fn(&T) -> R) {
        for (index, value) in self.values.iter().enumerate() {
            if which(value) {
                self.rows.set_row_data(index, row(value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn after(old: &str, new: &str) -> usize {
        let mut shown = Shown::<char, String>::default();
        shown.set(old.chars().collect(), char::to_string);
        let made = Cell::new(0);
        shown.set(new.chars().collect(), |value| {
            made.set(made.get() + 1);
            value.to_string()
        });
        assert_eq!(shown.rows().iter().collect::<String>(), new);
        assert_eq!(shown.values().iter().collect::<String>(), new);
        made.get()
    }

    #[test]
    fn only_rows_that_differ_are_made() {
        assert_eq!(after("", "abc"), 3);
        assert_eq!(after("abc", "abc"), 0);
        assert_eq!(after("abc", "abcd"), 1);
        assert_eq!(after("cde", "abcde"), 2);
        assert_eq!(after("abcde", "cde"), 0);
        assert_eq!(after("abcde", "abXde"), 1);
        assert_eq!(after("abcde", "abXYZde"), 3);
        assert_eq!(after("aab", "ab"), 0);
        assert_eq!(after("abc", ""), 0);
    }

    #[test]
    fn a_row_is_made_again_on_demand() {
        let mut shown = Shown::<char, String>::default();
        shown.set(vec!['a', 'b'], char::to_string);
        shown.refresh(|value| *value == 'b', |_| "new".to_owned());
        assert_eq!(shown.rows().iter().collect::<Vec<_>>(), ["a", "new"]);
    }
}
