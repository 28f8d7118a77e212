use std::fmt;
use std::ops::Deref;

/// The most bytes in a block (`I2C_SMBUS_BLOCK_MAX`, include/uapi/linux/i2c.h).
pub const MAX_BLOCK_LEN: usize = 32;

/// Up to 32 bytes, which it is used as: `&block[..]`. It takes no memory of the heap.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Vec<u8>", into = "Vec<u8>"))]
pub struct Block {
    /// Zero beyond the length.
    bytes: [u8; MAX_BLOCK_LEN],
    len: u8,
}

impl Block {
    /// Makes a block of these bytes; `None` if there are more than 32.
    pub fn new(bytes: &[u8]) -> Option<Block> {
        let mut block = Block::default();
        block.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        block.len = u8::try_from(bytes.len()).ok()?;
        Some(block)
    }
}

impl Deref for Block {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// `[01, ff]`.
impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x?}", &**self)
    }
}

impl From<Block> for Vec<u8> {
    fn from(block: Block) -> Vec<u8> {
        block.to_vec()
    }
}

/// Fails where there are more than 32.
impl TryFrom<Vec<u8>> for Block {
    type Error = &'static str;

    fn try_from(bytes: Vec<u8>) -> Result<Block, &'static str> {
        Block::new(&bytes).ok_or("a block has no more than 32 bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_32_bytes() {
        let block = Block::new(&[7; MAX_BLOCK_LEN]).unwrap();
        assert_eq!(block[..], [7; MAX_BLOCK_LEN]);
        assert_eq!(Block::new(&[7; MAX_BLOCK_LEN + 1]), None);
        assert_eq!(Block::new(&[]), Some(Block::default()));
        assert_eq!(format!("{:?}", Block::new(&[1, 0xff])), "Some([01, ff])");
    }
}
