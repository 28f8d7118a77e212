//! A program that turns a motor, written once: on a socket, and on the driver of a controller on SPI, which
//! mcp25xx is. What is at the other end is the same motor.

use circuits::stub::chips::Odrive;
use embedded_can::Frame;
use embedded_can::nb::Can;
use embedded_hal::delay::DelayNs;
use mcp25xx::bitrates::clock_16mhz::CNF_500K_BPS;
use mcp25xx::registers::{OperationMode, RXB0CTRL, RXB1CTRL, RXM};

use crate::can::{Talk, on_can, on_mcp25xx, standard};

const AXIS: u16 = 5;
const HEARTBEAT: u16 = 0x01;
const SET_AXIS_STATE: u16 = 0x07;
const ESTIMATES: u16 = 0x09;
const SET_VELOCITY: u16 = 0x0d;
const SUPPLY: u16 = 0x17;

const IDLE: u8 = 1;
const CLOSED_LOOP: u8 = 8;

/// The program.
struct Motor<C, D>(Talk<C, D>);

impl<C: Can, D: DelayNs> Motor<C, D> {
    fn tell(&mut self, command: u16, data: &[u8]) {
        let frame = C::Frame::new(standard(AXIS << 5 | command), data);
        self.0.send(&frame.expect("8 bytes at most"));
    }

    fn set_state(&mut self, state: u8) {
        self.tell(SET_AXIS_STATE, &u32::from(state).to_le_bytes());
    }

    fn set_velocity(&mut self, turns: f32) {
        let mut data = [0; 8];
        data[..4].copy_from_slice(&turns.to_le_bytes());
        self.tell(SET_VELOCITY, &data);
    }

    /// Waits for a message that has what it should.
    fn hears(&mut self, command: u16, mut is_it: impl FnMut([u8; 8]) -> bool) -> bool {
        let id = standard(AXIS << 5 | command);
        let found = self.0.find(2000, |frame| {
            let data = frame.data().try_into().ok();
            let data = data.filter(|_| frame.id() == id && !frame.is_remote_frame())?;
            is_it(data).then_some(())
        });
        found.is_some()
    }

    fn is_in(&mut self, state: u8) -> bool {
        self.hears(HEARTBEAT, |data| data[..6] == [0, 0, 0, 0, state, 0])
    }

    /// Whether it comes to turn so fast, and stays so for a while.
    fn comes_to(&mut self, velocity: f32) -> bool {
        let mut times = 0;
        self.hears(ESTIMATES, |data| {
            let is_near = (number(&data[4..]) - velocity).abs() < 0.01;
            times = if is_near { times + 1 } else { 0 };
            times == 10
        })
    }

    /// In volts.
    fn supply(&mut self) -> Option<f32> {
        let id = standard(AXIS << 5 | SUPPLY);
        let question = C::Frame::new_remote(id, 8).expect("8 bytes at most");
        self.0.send(&question);
        let mut volts = None;
        self.hears(SUPPLY, |data| {
            volts = Some(number(&data));
            true
        });
        volts
    }
}

fn number(bytes: &[u8]) -> f32 {
    f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// What it does with it.
pub(crate) fn turn<C: Can, D: DelayNs>(can: C, delay: D) {
    let mut motor = Motor(Talk::new(can, delay));
    assert!(motor.is_in(IDLE));
    assert_eq!(motor.supply(), Some(24.0));
    motor.set_state(CLOSED_LOOP);
    motor.set_velocity(1.5);
    assert!(motor.is_in(CLOSED_LOOP));
    assert!(motor.comes_to(1.5));
    motor.set_velocity(-3.0);
    assert!(motor.comes_to(-3.0));
    motor.set_velocity(0.0);
    assert!(motor.comes_to(0.0));
    motor.set_state(IDLE);
    assert!(motor.is_in(IDLE));
}

#[test]
fn driver_motor_by_a_socket() {
    on_can(
        || Odrive::new(5),
        |stub, socket, drive| {
            turn(socket, stub.delay());
            assert!(drive.position(stub.clock().now()) < 0.0);
        },
    );
}

#[test]
fn driver_motor_by_mcp25xx() {
    on_mcp25xx(
        || Odrive::new(5),
        |stub, mut driver, drive| {
            let config = mcp25xx::Config::default()
                .mode(OperationMode::NormalOperation)
                .bitrate(CNF_500K_BPS)
                .receive_buffer_0(
                    RXB0CTRL::default()
                        .with_rxm(RXM::ReceiveAny)
                        .with_bukt(true),
                )
                .receive_buffer_1(RXB1CTRL::default().with_rxm(RXM::ReceiveAny));
            driver.apply_config(&config).unwrap();
            turn(driver, stub.delay());
            assert!(drive.position(stub.clock().now()) < 0.0);
        },
    );
}

#[test]
fn driver_motor_that_is_stuck_is_seen() {
    on_can(
        || Odrive::new(5),
        |stub, socket, drive| {
            let mut motor = Motor(Talk::new(socket, stub.delay()));
            drive.block(true);
            motor.set_state(CLOSED_LOOP);
            motor.set_velocity(1.0);
            assert!(motor.is_in(CLOSED_LOOP));
            assert!(!motor.comes_to(1.0));
            drive.block(false);
            assert!(motor.comes_to(1.0));
            drive.raise(Odrive::ESTOP_REQUESTED);
            assert!(motor.hears(HEARTBEAT, |data| data[3] == 0x02 && data[4] == IDLE));
        },
    );
}
