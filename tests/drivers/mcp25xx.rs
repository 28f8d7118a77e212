use std::time::Duration;

use circuits::Board;
use circuits::can::{Config as SocketConfig, Frame, Socket};
use circuits::gpio::{self, EdgeDetection};
use circuits::spi::Device;
use circuits::stub::Stub;
use circuits::stub::can::Node;
use circuits::stub::chips::Mcp2515;
use embedded_can::nb::Can;
use embedded_can::{ExtendedId, Frame as _, Id, StandardId};
use mcp25xx::bitrates::clock_16mhz::{CNF_125K_BPS, CNF_500K_BPS};
use mcp25xx::bitrates::{clock_8mhz, clock_16mhz, clock_20mhz};
use mcp25xx::registers::{CANINTE, EFLG, OperationMode, RXB0CTRL, RXB1CTRL, RXM, TEC};
use mcp25xx::{AcceptanceFilter, CanFrame, Config, MCP25xx};

use crate::can::on_chip;
use crate::spi::on_spi;

fn config() -> Config<'static> {
    Config::default()
        .mode(OperationMode::NormalOperation)
        .bitrate(CNF_500K_BPS)
        .receive_buffer_0(
            RXB0CTRL::default()
                .with_rxm(RXM::ReceiveAny)
                .with_bukt(true),
        )
        .receive_buffer_1(RXB1CTRL::default().with_rxm(RXM::ReceiveAny))
}

/// Sets it up, and has it see the bus for as long as it wants to before it takes part.
fn begin(stub: &Stub, driver: &mut MCP25xx<Device>, config: &Config<'_>) {
    driver.apply_config(config).unwrap();
    stub.delay().sleep(Duration::from_millis(1)).unwrap();
}

fn socket(stub: &Stub) -> Socket {
    let config = SocketConfig::new().timeout(Duration::from_millis(20));
    Board::from(stub).can_socket("can0", &config).unwrap()
}

fn hears(socket: &Socket) -> String {
    let frame = socket.read_frame(socket.timeout());
    frame.map_or_else(|error| error.to_string(), |frame| frame.to_string())
}

/// The same of the driver, a while later.
fn received(stub: &Stub, driver: &mut MCP25xx<Device>) -> Option<CanFrame> {
    stub.delay().sleep(Duration::from_millis(1)).unwrap();
    driver.receive().ok()
}

fn say(socket: &Socket, frame: &str) {
    let frame: Frame = frame.parse().unwrap();
    socket.write(&frame, None).unwrap();
}

#[test]
fn driver_mcp25xx_sends_and_receives() {
    on_chip(|stub, mut driver, _| {
        begin(stub, &mut driver, &config());
        let socket = socket(stub);
        let standard = Id::from(StandardId::new(0x123).unwrap());
        let extended = Id::from(ExtendedId::new(0x1234_5678).unwrap());
        for (id, name) in [(standard, "123"), (extended, "12345678")] {
            for (data, text) in [
                (&[][..], ""),
                (&[0xab], "AB"),
                (&[0x5a; 8], "5A5A5A5A5A5A5A5A"),
            ] {
                let frame = CanFrame::new(id, data).unwrap();
                assert!(driver.transmit(&frame).unwrap().is_none());
                assert_eq!(hears(&socket), format!("{name}#{text}"));
                say(&socket, &format!("{name}#{text}"));
                let frame = received(stub, &mut driver).expect("a frame");
                assert_eq!((frame.id(), frame.data()), (id, data));
                assert!(!frame.is_remote_frame());
            }
            driver
                .transmit(&CanFrame::new_remote(id, 5).unwrap())
                .unwrap();
            assert_eq!(hears(&socket), format!("{name}#R5"));
        }
        assert!(received(stub, &mut driver).is_none());
    });
}

/// Of a standard remote frame the chip says so where the driver does not look: it is a frame of data to it, with
/// data that nobody sent.
#[test]
fn driver_mcp25xx_takes_standard_remote_frames_for_data() {
    on_chip(|stub, mut driver, _| {
        begin(stub, &mut driver, &config());
        let socket = socket(stub);
        say(&socket, "00000123#R2");
        assert!(received(stub, &mut driver).unwrap().is_remote_frame());
        say(&socket, "123#R2");
        let frame = received(stub, &mut driver).unwrap();
        assert_eq!(frame.id(), StandardId::new(0x123).unwrap().into());
        assert!(!frame.is_remote_frame());
        assert_eq!(frame.data(), [0, 0]);
    });
}

/// By the rule of the chip, of those that are equal the last buffer goes first; by that of embedded-can frames
/// of the same identifier stay in their order.
#[test]
fn driver_mcp25xx_does_not_keep_the_order() {
    on_chip(|stub, mut driver, _| {
        begin(stub, &mut driver, &config());
        let socket = socket(stub);
        for number in 0..3 {
            let frame = CanFrame::new(StandardId::new(0x123).unwrap(), &[number]).unwrap();
            driver.transmit(&frame).unwrap();
        }
        let frame = CanFrame::new(StandardId::new(0).unwrap(), &[]).unwrap();
        let full = driver.transmit(&frame);
        assert!(
            matches!(full, Err(nb::Error::WouldBlock)),
            "all three are full"
        );
        assert_eq!(
            [(); 3].map(|()| hears(&socket)),
            ["123#00", "123#02", "123#01"]
        );
    });
}

/// The second buffer is newer than the first one until that was read; then it may be older.
#[test]
fn driver_mcp25xx_reads_the_first_buffer_first() {
    on_chip(|stub, mut driver, _| {
        begin(stub, &mut driver, &config());
        let socket = socket(stub);
        ["123#00", "123#01"]
            .iter()
            .for_each(|frame| say(&socket, frame));
        let first = received(stub, &mut driver).unwrap();
        say(&socket, "123#02");
        let [second, third] = [(); 2].map(|()| received(stub, &mut driver).unwrap());
        assert_eq!(
            [first, second, third].map(|frame| frame.data()[0]),
            [0, 2, 1]
        );

        // What comes when both are full is lost, which only a register tells.
        ["123#00", "123#01", "123#02"]
            .iter()
            .for_each(|frame| say(&socket, frame));
        assert!(received(stub, &mut driver).is_some());
        assert!(received(stub, &mut driver).is_some());
        assert!(received(stub, &mut driver).is_none());
        assert!(driver.read_register::<EFLG>().unwrap().rx1ovr());
    });
}

#[test]
fn driver_mcp25xx_filters() {
    on_chip(|stub, mut driver, _| {
        let id = StandardId::new(0x321).unwrap();
        let filters = [
            (AcceptanceFilter::Mask0, StandardId::MAX.into()),
            (AcceptanceFilter::Filter0, id.into()),
            (
                AcceptanceFilter::Filter1,
                ExtendedId::new((0x321 << 18) | 7).unwrap().into(),
            ),
            (AcceptanceFilter::Filter2, id.into()),
            (
                AcceptanceFilter::Filter3,
                StandardId::new(0x322).unwrap().into(),
            ),
            (AcceptanceFilter::Filter4, StandardId::ZERO.into()),
        ];
        let config = Config::default()
            .mode(OperationMode::Configuration)
            .bitrate(CNF_500K_BPS)
            .filters(&filters);
        begin(stub, &mut driver, &config);
        // The second mask has a byte of data as well, and a filter, too.
        driver
            .write_registers(0x24, &[0xff, 0xe0, 0xff, 0])
            .unwrap();
        driver.write_registers(0x16, &[5]).unwrap();
        driver.set_mode(OperationMode::NormalOperation).unwrap();
        stub.delay().sleep(Duration::from_millis(1)).unwrap();
        let socket = socket(stub);
        for (frame, passes) in [
            ("321#02", true),
            ("322#00FF", true),
            ("322#01", false),
            ("000#05", true),
            ("000#06", false),
            ("323#00", false),
            // The mask for standard ones has no bits of the rest.
            ("0C841234#", true),
            ("0CC41234#", false),
        ] {
            say(&socket, frame);
            assert_eq!(received(stub, &mut driver).is_some(), passes, "{frame}");
        }
    });
}

/// Each makes of the oscillator what it is called.
#[test]
fn driver_mcp25xx_bit_rates() {
    let tables = [
        (
            8_000_000,
            vec![
                (500_000, clock_8mhz::CNF_500K_BPS),
                (250_000, clock_8mhz::CNF_250K_BPS),
                (200_000, clock_8mhz::CNF_200K_BPS),
                (125_000, clock_8mhz::CNF_125K_BPS),
                (100_000, clock_8mhz::CNF_100K_BPS),
                (80_000, clock_8mhz::CNF_80K_BPS),
                (50_000, clock_8mhz::CNF_50K_BPS),
                (40_000, clock_8mhz::CNF_40K_BPS),
                (33_333, clock_8mhz::CNF_33K3_BPS),
                (31_250, clock_8mhz::CNF_31K25_BPS),
                (20_000, clock_8mhz::CNF_20K_BPS),
                (10_000, clock_8mhz::CNF_10K_BPS),
                (5_000, clock_8mhz::CNF_5K_BPS),
            ],
        ),
        (
            16_000_000,
            vec![
                (1_000_000, clock_16mhz::CNF_1000K_BPS),
                (500_000, clock_16mhz::CNF_500K_BPS),
                (250_000, clock_16mhz::CNF_250K_BPS),
                (200_000, clock_16mhz::CNF_200K_BPS),
                (125_000, clock_16mhz::CNF_125K_BPS),
                (100_000, clock_16mhz::CNF_100K_BPS),
                (83_333, clock_16mhz::CNF_83K3_BPS),
                (80_000, clock_16mhz::CNF_80K_BPS),
                (50_000, clock_16mhz::CNF_50K_BPS),
                (40_000, clock_16mhz::CNF_40K_BPS),
                (33_333, clock_16mhz::CNF_33K3_BPS),
                (20_000, clock_16mhz::CNF_20K_BPS),
                (10_000, clock_16mhz::CNF_10K_BPS),
                (5_000, clock_16mhz::CNF_5K_BPS),
            ],
        ),
        (
            20_000_000,
            vec![
                (1_000_000, clock_20mhz::CNF_1000K_BPS),
                (500_000, clock_20mhz::CNF_500K_BPS),
                (250_000, clock_20mhz::CNF_250K_BPS),
                (200_000, clock_20mhz::CNF_200K_BPS),
                (125_000, clock_20mhz::CNF_125K_BPS),
                (100_000, clock_20mhz::CNF_100K_BPS),
                (83_333, clock_20mhz::CNF_83K3_BPS),
                (80_000, clock_20mhz::CNF_80K_BPS),
                (50_000, clock_20mhz::CNF_50K_BPS),
                (40_000, clock_20mhz::CNF_40K_BPS),
                (33_333, clock_20mhz::CNF_33K3_BPS),
            ],
        ),
    ];
    for (oscillator, table) in tables {
        let chip = Mcp2515::new(oscillator);
        on_spi(chip.clone(), |_, spi| {
            let mut driver = MCP25xx { spi };
            for (rate, cnf) in &table {
                driver.apply_config(&config().bitrate(*cnf)).unwrap();
                let is = chip.bitrate().expect("it is on the bus");
                assert!(
                    is.abs_diff(*rate) * 200 <= *rate,
                    "{oscillator}: {is} for {rate}"
                );
            }
        });
    }
}

#[test]
fn driver_mcp25xx_interrupts() {
    on_chip(|stub, mut driver, _| {
        begin(stub, &mut driver, &config());
        let enabled = CANINTE::default().with_rx0ie(true).with_rx1ie(true);
        driver.write_register(enabled).unwrap();
        let config = gpio::Config::new().edge_detection(EdgeDetection::Falling);
        let mut pin = Board::from(stub).input_with("INT", &config).unwrap();
        let socket = socket(stub);
        let before = stub.clock().now();
        say(&socket, "123#0102030405060708");
        let edge = pin.wait_edge(Duration::from_millis(20)).unwrap();
        // Some 120 bits.
        let took = edge.expect("an edge").time().since(before);
        assert!(
            took > Duration::from_micros(210) && took < Duration::from_micros(280),
            "{took:?}"
        );
        assert_eq!(driver.receive().unwrap().data(), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert!(stub.level("INT").unwrap());
    });
}

/// What the registers say of a bus that it does not fit.
#[test]
fn driver_mcp25xx_at_the_wrong_rate() {
    on_chip(|stub, mut driver, chip| {
        driver
            .apply_config(&config().bitrate(CNF_125K_BPS))
            .unwrap();
        let socket = socket(stub);
        let frame = CanFrame::new(StandardId::new(0x123).unwrap(), &[1]).unwrap();
        driver.transmit(&frame).unwrap();
        stub.delay().sleep(Duration::from_millis(100)).unwrap();
        assert!(socket.read_frame(socket.timeout()).is_err());
        assert!(
            driver.read_register::<TEC>().unwrap() >= TEC(128),
            "{chip:?}"
        );
        let flags = driver.read_register::<EFLG>().unwrap();
        assert!(flags.txep() || flags.txbo());
    });
}
