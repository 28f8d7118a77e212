use circuits::gpio::{Config, Output};
use circuits::spi::Device;
use circuits::stub::Stub;
use circuits::stub::chips::W25q;
use w25q32jv::{SECTOR_SIZE, W25q32jv};

use crate::spi::on_spi;

fn flash(stub: &Stub, device: Device) -> W25q32jv<Device, Output, Output> {
    let stub = stub.clone().lines(["HOLD", "WP"]);
    let [hold, wp] = ["HOLD", "WP"].map(|line| Output::open_on(&stub, line, &Config::new()));
    W25q32jv::new(device, hold.unwrap(), wp.unwrap()).unwrap()
}

fn text(len: usize) -> Vec<u8> {
    let cycle = b"over the lazy dog ".iter().cycle();
    cycle.take(len).copied().collect()
}

#[test]
fn driver_w25q32jv_writes_and_reads() {
    let chip = W25q::w25q32jv();
    on_spi(chip.clone(), |stub, device| {
        let mut flash = flash(stub, device);
        // Over four pages, from the middle of the first.
        let bytes = text(700);
        flash.write_blocking(0x12_3480, &bytes).unwrap();
        assert_eq!(chip.contents(0x12_3480..0x12_3480 + 700), bytes);
        assert_eq!(chip.contents(0x12_3400..0x12_3480), [0xff; 0x80]);
        let mut read = [0; 5];
        flash.read(0x12_3484, &mut read).unwrap();
        assert_eq!(&read, b" the ");
        // What is not erased first is not what was written.
        assert!(flash.write_blocking(0x12_3480, b"lazy").is_err());
        assert_eq!(
            chip.contents(0x12_3480..0x12_3484),
            [0x6c, 0x60, 0x60, 0x70]
        );
    });
}

#[test]
fn driver_w25q32jv_erases() {
    let chip = W25q::w25q32jv();
    on_spi(chip.clone(), |stub, device| {
        chip.set_contents(0, &[0; 0x2_0000]);
        let mut flash = flash(stub, device);
        flash.erase_sector(1).unwrap();
        // A sector takes 45 ms, and is read back at 1 MHz: 64 times 68 bytes.
        let millis = stub.clock().now().as_nanos() / 1_000_000;
        assert!((45 + 34..=45 + 36).contains(&millis), "{millis} ms");
        assert_eq!(chip.contents(0xfff..0x1001), [0, 0xff]);
        assert_eq!(chip.contents(0x1fff..0x2001), [0xff, 0]);
        flash.erase_range(2 * SECTOR_SIZE, 4 * SECTOR_SIZE).unwrap();
        assert_eq!(chip.contents(0x3fff..0x4001), [0xff, 0]);
        flash.erase_block_32k(1).unwrap();
        assert_eq!(chip.contents(0x7fff..0x8001), [0, 0xff]);
        assert_eq!(chip.contents(0xffff..0x1_0001), [0xff, 0]);
        flash.erase_block_64k(0).unwrap();
        assert_eq!(chip.contents(0..0x1_0000), vec![0xff; 0x1_0000]);
        assert_eq!(chip.contents(0x1_0000..0x1_0001), [0]);
    });
}

#[test]
fn driver_w25q32jv_identifier_and_sleep() {
    let chip = W25q::w25q32jv();
    chip.set_unique_id(*b"circuits");
    on_spi(chip.clone(), |stub, device| {
        let mut flash = flash(stub, device);
        assert_eq!(&flash.device_id().unwrap(), b"circuits");
        flash.enable_power_down_mode().unwrap();
        assert_eq!(flash.device_id().unwrap(), [0xff; 8]);
        flash.disable_power_down_mode().unwrap();
        stub.delay()
            .sleep(std::time::Duration::from_micros(3))
            .unwrap();
        assert_eq!(&flash.device_id().unwrap(), b"circuits");
        flash.reset().unwrap();
    });
}

#[test]
fn driver_w25q32jv_async() {
    let chip = W25q::w25q32jv();
    on_spi(chip.clone(), |stub, device| {
        chip.set_contents(0x3000, &[0; 0x1000]);
        let mut flash = flash(stub, device);
        stub.block_on(async {
            flash.erase_range_async(0x3000, 0x4000).await.unwrap();
            flash.write_async(0x30ff, &text(3)).await.unwrap();
            let mut read = [0; 4];
            flash.read_async(0x30fe, &mut read).await.unwrap();
            assert_eq!(&read, b"\xffove");
            let id = flash.device_id_async().await.unwrap();
            assert_eq!(id, chip.unique_id());
        });
        assert_eq!(chip.contents(0x30fe..0x3103), *b"\xffove\xff");
        assert!(stub.clock().now().as_nanos() > 45_000_000);
    });
}
