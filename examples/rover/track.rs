//! What came one after another, for as long as it goes on, in a bounded place.

/// As many as a picture shows. A rover that drives for weeks keeps no more.
const MOST: usize = 20_000;

/// What was pushed: all of it at first, and the more it was the farther apart.
#[derive(Clone, Debug, Default)]
pub struct Track<T> {
    kept: Vec<T>,
    latest: Option<T>,
    pushed: u64,
    /// One of so many was kept, less one.
    between: u64,
}

impl<T: Copy> Track<T> {
    pub fn push(&mut self, value: T) {
        if self.pushed % (self.between + 1) == 0 {
            if self.kept.len() == MOST {
                // Every other one goes, and of those to come as well.
                let mut index = 0;
                self.kept.retain(|_| {
                    index += 1;
                    index % 2 == 1
                });
                self.between = 2 * self.between + 1;
            }
            // An even number was kept before, so it is the turn of this one in any case.
            self.kept.push(value);
        }
        self.latest = Some(value);
        self.pushed += 1;
    }

    /// What was pushed last, whether it is kept or not.
    pub fn last(&self) -> Option<&T> {
        self.latest.as_ref()
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.kept.iter()
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.kept.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_all_at_first_and_then_some() {
        let mut track = Track::default();
        (0..MOST as u64).for_each(|number| track.push(number));
        assert!(track.iter().copied().eq(0..MOST as u64));
        (MOST as u64..1_000_000).for_each(|number| track.push(number));
        assert!((MOST / 2..=MOST).contains(&track.len()));
        let kept: Vec<u64> = track.iter().copied().collect();
        assert!(
            kept.windows(2).all(|two| two[1] - two[0] == kept[1]),
            "as far apart everywhere"
        );
        assert!(kept[0] == 0 && kept[kept.len() - 1] > 1_000_000 - 1000);
        assert_eq!(track.last(), Some(&999_999));
    }
}
