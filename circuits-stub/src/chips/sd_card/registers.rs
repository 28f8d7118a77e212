//! What a card says of itself, and checksums.

/// Operation conditions (section 5.1): 2.7 to 3.6 V, and what is known once it is initialised.
pub(super) fn ocr(is_ready: bool, is_high_capacity: bool) -> [u8; 4] {
    let flags = match (is_ready, is_high_capacity) {
        (false, _) => 0,
        (true, false) => 0x80,
        (true, true) => 0xc0,
    };
    [flags, 0xff, 0x80, 0]
}

/// Card-specific data (section 5.3): 25 MHz, command classes 0, 2, 4, 5 and 8, and the size.
pub(super) fn csd(is_high_capacity: bool) -> [u8; 16] {
    let csd = match is_high_capacity {
        // C_SIZE + 1 is the number of 512 KiB: 8192.
        true => [
            0x40, 14, 0, 0x32, 0x13, 0x59, 0, 0, 0x1f, 0xff, 0x7f, 0x80, 0x0a, 0x40, 0,
        ],
        // (C_SIZE + 1) << (C_SIZE_MULT + 2) is the number of blocks: 4096 << 9. Parts of blocks may
        // be read.
        false => [
            0x00, 14, 0, 0x32, 0x13, 0x59, 0x83, 0xff, 0xf6, 0xdb, 0xcf, 0x80, 0x0a, 0x40, 0,
        ],
    };
    checked(csd)
}

/// Identification (section 5.2): nobody's, but with a name.
pub(super) fn cid(is_high_capacity: bool) -> [u8; 16] {
    let [a, b, c, d, e] = *if is_high_capacity { b"VSDHC" } else { b"VSDSC" };
    // Revision 1.0, serial number 1, January 2020.
    checked([0, b'V', b'B', a, b, c, d, e, 0x10, 0, 0, 0, 1, 0x01, 0x41])
}

/// Configuration (section 5.6): version 3, zero after erasing, one or four data lines.
pub(super) fn scr(is_high_capacity: bool) -> [u8; 8] {
    let security = if is_high_capacity { 0x35 } else { 0x25 };
    [0x02, security, 0x80, 0, 0, 0, 0, 0]
}

fn checked(bytes: [u8; 15]) -> [u8; 16] {
    let mut checked = [0; 16];
    checked[..15].copy_from_slice(&bytes);
    checked[15] = crc7(&bytes) << 1 | 1;
    checked
}

/// x⁷ + x³ + 1 (section 4.5).
pub(super) fn crc7(bytes: &[u8]) -> u8 {
    let bits = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    bits.fold(0, |crc, bit| {
        let carry = crc >> 6 & 1 ^ bit;
        (crc << 1 ^ if carry == 0 { 0 } else { 0b1001 }) & 0x7f
    })
}

/// x¹⁶ + x¹² + x⁵ + 1 (section 4.5).
pub(super) fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| match crc >> 15 {
            0 => crc << 1,
            _ => crc << 1 ^ 0x1021,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of section 4.5.
    #[test]
    fn checksums_are_those_of_the_specification() {
        assert_eq!(crc7(&[0x40, 0, 0, 0, 0]), 0b100_1010);
        assert_eq!(crc7(&[0x51, 0, 0, 0, 0]), 0b010_1010);
        assert_eq!(crc7(&[0x11, 0, 0, 0x09, 0]), 0b011_0011);
        assert_eq!(crc16(&[0xff; 512]), 0x7fa1);
    }

    /// The fields of tables 5-4 and 5-16, bits of the register counted from its end.
    #[test]
    fn sizes_are_in_their_fields() {
        let field = |csd: [u8; 16], high: u32, low: u32| {
            u128::from_be_bytes(csd) >> low & ((1 << (high - low + 1)) - 1)
        };
        let high = csd(true);
        assert_eq!((field(high, 127, 126), field(high, 83, 80)), (1, 9));
        assert_eq!((field(high, 69, 48) + 1) * 512 * 1024, 4 << 30);
        let standard = csd(false);
        assert_eq!((field(standard, 127, 126), field(standard, 83, 80)), (0, 9));
        let multiplier = field(standard, 49, 47) + 2;
        assert_eq!((field(standard, 73, 62) + 1) << multiplier << 9, 1 << 30);
        for csd in [high, standard] {
            assert_eq!(
                field(csd, 95, 84),
                1 << 0 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 8
            );
            assert_eq!(field(csd, 46, 46), 1, "erases single blocks");
            assert_eq!((field(csd, 25, 22), field(csd, 0, 0)), (9, 1));
        }
        assert_eq!(field(standard, 79, 79), 1, "reads parts of blocks");
    }
}
