use circuits::spi::Device;
use circuits::stub::Stub;
use circuits::stub::chips;
use circuits::wait::Delay;
use embedded_sdmmc::sdcard::{AcquireOpts, CardType};
use embedded_sdmmc::{
    Block, BlockDevice, BlockIdx, Mode, SdCard, TimeSource, Timestamp, VolumeIdx, VolumeManager,
};

use crate::spi::{on_spi, on_spi_line};

fn driver(stub: &Stub, device: Device) -> SdCard<Device, Delay> {
    SdCard::new(device, stub.delay())
}

/// A FAT16 volume with clusters of one block, behind a partition table.
const PARTITION: u32 = 64;
const FAT: u32 = PARTITION + 1;
const FAT_BLOCKS: u32 = 32;
const ROOT: u32 = FAT + 2 * FAT_BLOCKS;
const DATA: u32 = ROOT + 32;
const VOLUME_BLOCKS: u32 = DATA - PARTITION + 8000;

/// Formats a card, with one file in clusters 2 and 5.
fn format(card: &chips::SdCard, name: &[u8; 11], file: &[u8]) {
    let mut table = [0; 512];
    table[446 + 4] = 0x0e;
    table[446 + 8..][..4].copy_from_slice(&PARTITION.to_le_bytes());
    table[446 + 12..][..4].copy_from_slice(&VOLUME_BLOCKS.to_le_bytes());
    table[510..].copy_from_slice(&[0x55, 0xaa]);
    card.set_contents(0, &table);

    let mut boot = [0; 512];
    boot[..11].copy_from_slice(b"\xeb\x3c\x90VIRTUAL ");
    boot[11..13].copy_from_slice(&512u16.to_le_bytes());
    // Blocks a cluster, blocks before the FATs, FATs, entries of the root directory.
    (boot[13], boot[14], boot[16]) = (1, 1, 2);
    boot[17..19].copy_from_slice(&512u16.to_le_bytes());
    boot[19..21].copy_from_slice(&(VOLUME_BLOCKS as u16).to_le_bytes());
    (boot[21], boot[22]) = (0xf8, FAT_BLOCKS as u8);
    boot[43..54].copy_from_slice(b"VIRTUAL    ");
    boot[510..].copy_from_slice(&[0x55, 0xaa]);
    card.set_contents(PARTITION, &boot);

    let chain: [u16; 6] = [0xfff8, 0xffff, 5, 0, 0, 0xffff];
    let chain: Vec<u8> = chain.iter().flat_map(|entry| entry.to_le_bytes()).collect();
    card.set_contents(FAT, &chain);
    card.set_contents(FAT + FAT_BLOCKS, &chain);

    let mut entry = [0; 32];
    entry[..11].copy_from_slice(name);
    entry[11] = 0x20;
    entry[26] = 2;
    entry[28..].copy_from_slice(&(file.len() as u32).to_le_bytes());
    card.set_contents(ROOT, &entry);
    let (first, rest) = file.split_at(512);
    card.set_contents(DATA, first);
    card.set_contents(DATA + 3, rest);
}

/// Finds a file on a card, without any driver.
fn file(card: &chips::SdCard, name: &[u8; 11]) -> Option<Vec<u8>> {
    let root = card.contents(ROOT..DATA);
    let entry = root.chunks(32).find(|entry| entry[..11] == *name)?;
    let fat = card.contents(FAT..FAT + FAT_BLOCKS);
    assert_eq!(fat, card.contents(FAT + FAT_BLOCKS..ROOT), "both FATs");
    let mut cluster = u16::from_le_bytes([entry[26], entry[27]]);
    let mut bytes = Vec::new();
    while cluster < 0xfff8 {
        let block = DATA + u32::from(cluster) - 2;
        bytes.extend(card.contents(block..block + 1));
        let at = 2 * usize::from(cluster);
        cluster = u16::from_le_bytes([fat[at], fat[at + 1]]);
    }
    bytes.truncate(u32::from_le_bytes(entry[28..].try_into().unwrap()) as usize);
    Some(bytes)
}

/// Every file is from the same moment.
struct Noon;

impl TimeSource for Noon {
    fn get_timestamp(&self) -> Timestamp {
        Timestamp::from_calendar(2024, 2, 29, 12, 0, 0).unwrap()
    }
}

fn text(len: usize) -> Vec<u8> {
    let cycle = b"the quick brown fox ".iter().cycle();
    cycle.take(len).copied().collect()
}

#[test]
fn driver_embedded_sdmmc_files() {
    for card in [chips::SdCard::sdhc(), chips::SdCard::sdsc()] {
        let hello = text(700);
        format(&card, b"HELLO   TXT", &hello);
        on_spi(card.clone(), |stub, device| {
            let volumes = VolumeManager::new(driver(stub, device), Noon);
            let volume = volumes.open_volume(VolumeIdx(0)).unwrap();
            let root = volume.open_root_dir().unwrap();

            let read = root.open_file_in_dir("HELLO.TXT", Mode::ReadOnly).unwrap();
            let mut bytes = [0; 1000];
            let len = read.read(&mut bytes).unwrap();
            assert_eq!(bytes[..len], hello);
            read.close().unwrap();

            let log = text(3000);
            let written = root
                .open_file_in_dir("LOG.TXT", Mode::ReadWriteCreate)
                .unwrap();
            written.write(&log[..100]).unwrap();
            written.write(&log[100..]).unwrap();
            written.close().unwrap();
            assert_eq!(file(&card, b"LOG     TXT").unwrap(), log);
            assert_eq!(file(&card, b"HELLO   TXT").unwrap(), hello);

            let again = root
                .open_file_in_dir("LOG.TXT", Mode::ReadWriteAppend)
                .unwrap();
            again.write(b"!").unwrap();
            again.seek_from_start(2999).unwrap();
            let mut bytes = [0; 3];
            assert_eq!(again.read(&mut bytes).unwrap(), 2);
            assert_eq!(&bytes[..2], &[log[2999], b'!']);
            again.close().unwrap();
            root.delete_file_in_dir("HELLO.TXT").unwrap();
            assert!(file(&card, b"HELLO   TXT").is_none());
        });
        card.insert();
    }
}

#[test]
fn driver_embedded_sdmmc_blocks() {
    let card = chips::SdCard::sdhc();
    on_spi(card.clone(), |stub, device| {
        let sd = driver(stub, device);
        assert_eq!(sd.num_bytes().unwrap(), 4 << 30);
        assert_eq!(sd.get_card_type(), Some(CardType::SDHC));
        assert!(sd.erase_single_block_enabled().unwrap());
        // The initialisation alone takes that long.
        assert!(stub.clock().now().as_nanos() > 20_000_000);

        let mut blocks = vec![Block::new(); 3];
        for (byte, block) in (1..).zip(&mut blocks) {
            block.contents = [byte; 512];
        }
        let last = card.blocks() - 1;
        sd.write(&blocks, BlockIdx(1000)).unwrap();
        sd.write(&blocks[2..], BlockIdx(last)).unwrap();
        assert_eq!(card.contents(1001..1003), [[2; 512], [3; 512]].concat());
        assert_eq!(card.contents(last..last + 1), [3; 512]);
        card.set_contents(1001, b"from outside");
        let mut read = vec![Block::new(); 4];
        sd.read(&mut read, BlockIdx(999)).unwrap();
        assert_eq!(read[0].contents, [0; 512]);
        assert_eq!(read[2].contents[..12], *b"from outside");
        assert_eq!(read[3].contents, [3; 512]);
        assert!(sd.read(&mut read[..1], BlockIdx(last + 1)).is_err());
    });
}

#[test]
fn driver_embedded_sdmmc_selected_by_a_line() {
    let card = chips::SdCard::sdhc();
    card.set_contents(7, b"seven");
    on_spi_line(card.clone(), |stub, device| {
        let sd = SdCard::new(device, stub.delay());
        let mut block = [Block::new()];
        sd.read(&mut block, BlockIdx(7)).unwrap();
        assert_eq!(block[0].contents[..6], *b"seven\0");
        sd.write(&block, BlockIdx(8)).unwrap();
        assert_eq!(card.contents(7..8), card.contents(8..9));
    });
}

#[test]
fn driver_embedded_sdmmc_without_checksums_and_without_a_card() {
    let card = chips::SdCard::sdsc();
    on_spi(card.clone(), |stub, device| {
        card.insert();
        let options = AcquireOpts {
            use_crc: false,
            acquire_retries: 2,
        };
        let sd = SdCard::new_with_options(device, stub.delay(), options);
        // Not its size: the driver takes the register of such a card for that of a larger one.
        assert_eq!(sd.get_card_type(), Some(CardType::SD2));
        let mut block = [Block::new()];
        block[0].contents = [0x55; 512];
        sd.write(&block, BlockIdx(3)).unwrap();
        assert_eq!(card.contents(2..4), [[0; 512], [0x55; 512]].concat());
        card.remove();
        assert!(sd.read(&mut block, BlockIdx(3)).is_err());
        card.insert();
        assert!(
            sd.read(&mut block, BlockIdx(3)).is_err(),
            "it must be acquired again"
        );
        sd.mark_card_uninit();
        sd.read(&mut block, BlockIdx(3)).unwrap();
        assert_eq!(block[0].contents, [0x55; 512]);
    });
}
