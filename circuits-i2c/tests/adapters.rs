//! Adapters and devices that come and go in the kernel.
#![cfg(target_os = "linux")]

use std::thread::sleep;
use std::time::Duration;

use circuits_bench::I2cClient;
use circuits_i2c::{Bus, ErrorKind, list};
use embedded_hal::i2c::I2c;

fn bus(name: &str) -> Bus {
    Bus::open(name).unwrap()
}

fn owner(name: &str, address: u8) -> Option<String> {
    bus(name).owner(address).unwrap()
}

#[test]
#[ignore = "needs root, and a PCA9548 at 0x70 of i2c-1 with nothing behind it, as in the emulated Pi"]
fn a_multiplexer_is_one_wire() {
    let before = list().unwrap();
    let multiplexer = I2cClient::new("i2c-1", "pca9548", 0x70);
    // The nodes come a moment later.
    let new = (0..50).find_map(|_| {
        sleep(Duration::from_millis(20));
        let now = list().unwrap();
        let new: Vec<String> = now
            .iter()
            .filter(|bus| !before.contains(bus))
            .cloned()
            .collect();
        (new.len() == 8).then_some((now, new))
    });
    let (now, new) = new.expect("no channels came");
    let number = |bus: &String| bus.strip_prefix("i2c-").unwrap().parse::<u32>().unwrap();
    assert!(now.is_sorted_by_key(number), "{now:?}");
    let channel = &new[0];
    // By the name of the adapter, which the kernel makes of its parent's and its number.
    let mut named = bus("i2c-1-mux (chan_id 0)");
    // What is before the multiplexer is on the same wire, and whose it is there it is here.
    named.write_read(0x48, &[3], &mut [0; 2]).unwrap();
    assert_eq!(owner("i2c-1", 0x70).as_deref(), Some("pca954x"));
    assert_eq!(owner(channel, 0x70).as_deref(), Some("pca954x"));
    assert_eq!(owner(channel, 0x49).as_deref(), Some("lm75"));
    assert_eq!(owner(channel, 0x48), None);
    let behind = I2cClient::new(channel, "lm75", 0x4c);
    assert_eq!(owner(channel, 0x4c).as_deref(), Some("lm75"));
    assert_eq!(owner("i2c-1", 0x4c).as_deref(), Some("lm75"));
    assert_eq!(
        owner(&new[1], 0x4c),
        None,
        "another channel is another wire"
    );
    drop(behind);
    assert_eq!(owner("i2c-1", 0x4c), None);
    drop(named);
    drop(multiplexer);
    assert_eq!(list().unwrap(), before);
}

/// It has an entry in /sys, and the kernel lets everybody have it.
#[test]
#[ignore = "needs root, and nothing at 0x23 of i2c-1"]
fn a_device_without_a_driver_is_nobodys() {
    let _client = I2cClient::new("i2c-1", "no-such-driver", 0x23);
    let bus = bus("i2c-1");
    assert_eq!(bus.owner(0x23).unwrap(), None);
    let error = bus.device(0x23).unwrap().write(0x23, &[0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoAcknowledge);
}
