//! Board files that somebody has damaged, drawn: each makes a board, or is refused at its place. tests/fuzz goes on from
//! here.

mod invariants;

/// Some random numbers, the same in each run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

/// What tears a file apart.
const MARKS: &[u8] = b"\"[]{}=.,#\n-09eT\\\xff";

#[test]
fn damaged_files_are_harmless() {
    let mut draw = Draw(1);
    let boards: Vec<&str> = invariants::boards().collect();
    for board in &boards {
        invariants::board_file(board.as_bytes());
    }
    let words: Vec<&str> = boards
        .iter()
        .flat_map(|board| board.split_whitespace())
        .collect();
    for _ in 0..2000 {
        let mut text = boards[draw.below(boards.len())].as_bytes().to_vec();
        for _ in 0..=draw.below(3) {
            let at = draw.below(text.len());
            let end = at + draw.below(12).min(text.len() - at);
            let put: Vec<u8> = match draw.below(4) {
                0 => Vec::new(),
                1 => words[draw.below(words.len())].into(),
                2 => vec![MARKS[draw.below(MARKS.len())]],
                _ => text[draw.below(at)..at].iter().take(40).copied().collect(),
            };
            text.splice(at..end, put);
        }
        invariants::board_file(&text);
    }
}
