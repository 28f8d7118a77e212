//! Taking what has come, and no more of it than there is time for.

/// Takes one after another until there is none, or so many were taken. Returns whether that was all.
///
/// What comes as fast as it is taken would otherwise be taken for ever.
pub fn drain<T, E>(
    most: u32,
    mut next: impl FnMut() -> Result<Option<T>, E>,
    mut take: impl FnMut(T),
) -> Result<bool, E> {
    for _ in 0..most {
        match next()? {
            Some(one) => take(one),
            None => return Ok(true),
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_ends_is_left_at_a_number() {
        let mut taken = 0;
        assert_eq!(
            drain(256, || Ok::<_, ()>(Some(1)), |one| taken += one),
            Ok(false)
        );
        assert_eq!(taken, 256);
        let mut few = [4, 5].into_iter();
        assert_eq!(
            drain(256, || Ok::<_, ()>(few.next()), |one| taken += one),
            Ok(true)
        );
        assert_eq!(taken, 265);
    }
}
