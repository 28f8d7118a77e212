/// How many frames a socket has lost, of which the kernel counts the lower 32 bits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lost {
    total: u64,
    /// What the frame said that was handed out last.
    told: u32,
}

impl Lost {
    /// Takes the count that a frame came with, and returns how many were lost since the frame before it.
    pub(super) fn tell(&mut self, count: u32) -> u32 {
        let lost = count.wrapping_sub(self.told);
        self.told = count;
        self.total(count);
        lost
    }

    /// Takes what the kernel has counted, which may be older than what is known, and returns how many it is.
    pub(super) fn total(&mut self, count: u32) -> u64 {
        let more = count.wrapping_sub(self.total as u32);
        if more <= u32::MAX / 2 {
            self.total += u64::from(more);
        }
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_go_on_where_the_kernel_begins_anew() {
        let mut lost = Lost::default();
        assert_eq!((lost.tell(0), lost.tell(7), lost.tell(7)), (0, 7, 0));
        // The kernel has counted on; the frames that wait do not know of it.
        assert_eq!(lost.total(100), 100);
        assert_eq!((lost.tell(20), lost.total(100)), (13, 100));
        let mut total = 100;
        for _ in 0..8 {
            total += 1 << 30;
            assert_eq!(lost.total(total as u32), total);
        }
        assert_eq!(total, 100 + (1 << 33));
        assert_eq!(lost.tell(100), 80);
        assert_eq!(lost.total(50), total);
    }
}
