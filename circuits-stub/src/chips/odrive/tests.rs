use circuits_can::Id;

use super::drive::{CLOSED_LOOP, DISARMED, IDLE, INVALID_STATE, RESISTANCE, SUCCESS, VERSION};
use super::protocol::command;
use super::*;

/// A controller on a bus that this test is.
struct Bench {
    drive: Odrive,
    now: Time,
    heard: Vec<Frame>,
}

impl Bench {
    fn new(drive: Odrive) -> Bench {
        let mut bench = Bench {
            drive,
            now: Time::ZERO,
            heard: Vec::new(),
        };
        bench.pass(0);
        bench
    }

    fn call(&mut self, time: Time, call: impl FnOnce(&mut Odrive, &mut Controller)) {
        let mut controller = Controller::at(time);
        call(&mut self.drive, &mut controller);
        for frame in controller.take_sent() {
            self.drive.sent(&frame, &mut controller);
            self.heard.push(frame);
        }
    }

    /// Lets time pass, in milliseconds.
    fn pass(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while let Some(next) = self.drive.next().filter(|next| *next <= end) {
            self.now = next.max(self.now);
            self.call(self.now, |drive, controller| drive.act(controller));
        }
        self.now = end;
    }

    fn tell(&mut self, command: u8, data: &[u8]) {
        let id = protocol::id(3, command).unwrap();
        let frame = Frame::new(id, data).unwrap();
        self.call(self.now, |drive, controller| {
            drive.receive(&frame, controller)
        });
    }

    fn ask(&mut self, command: u8) -> [f32; 2] {
        let frame = Frame::remote(protocol::id(3, command).unwrap(), 8).unwrap();
        self.heard.clear();
        self.call(self.now, |drive, controller| {
            drive.receive(&frame, controller)
        });
        let [answer] = self.heard[..] else {
            panic!("{:?}", self.heard);
        };
        assert_eq!(answer.id(), frame.id());
        let number = |at: usize| f32::from_le_bytes(answer.data()[at..at + 4].try_into().unwrap());
        [number(0), number(4)]
    }

    /// Closed-loop control with a velocity.
    fn turn(&mut self, velocity: f32) {
        self.tell(command::SET_AXIS_STATE, &8u32.to_le_bytes());
        self.tell(command::SET_INPUT_VEL, &protocol::pair(velocity, 0.0));
    }

    fn velocity(&self) -> f32 {
        self.drive.velocity(self.now)
    }

    /// The last heartbeat.
    fn heartbeat(&self) -> (u32, u8, u8) {
        let mut heartbeats = self.heard.iter().filter(|frame| frame.id().raw() == 0x61);
        let data = heartbeats.next_back().expect("a heartbeat").data();
        let errors = u32::from_le_bytes(data[..4].try_into().unwrap());
        (errors, data[4], data[5])
    }
}

fn is_near(a: f32, b: f32) -> bool {
    (a - b).abs() < 0.01
}

#[test]
fn heartbeats_and_estimates_come_in_time() {
    let mut bench = Bench::new(Odrive::new(3));
    assert!(bench.heard.is_empty());
    bench.pass(1000);
    let count = |id| {
        bench
            .heard
            .iter()
            .filter(|frame| frame.id().raw() == id)
            .count()
    };
    assert_eq!((count(0x61), count(0x69)), (10, 100));
    assert_eq!(bench.heard[0].data(), [0; 8]);
    assert_eq!(bench.heartbeat(), (0, IDLE, SUCCESS));

    let quiet = Odrive::new(3)
        .heartbeat_every(Duration::from_millis(300))
        .estimates_every(Duration::ZERO);
    let mut bench = Bench::new(quiet);
    bench.pass(1000);
    assert_eq!(bench.heard.len(), 3);
    // On, after it was off for a while.
    bench
        .drive
        .clone()
        .estimates_every(Duration::from_millis(100));
    bench.pass(1000);
    assert_eq!(bench.heard.len(), 3 + 3 + 11);

    let frantic = Odrive::new(3)
        .heartbeat_every(Duration::from_nanos(1))
        .estimates_every(Duration::ZERO);
    let mut bench = Bench::new(frantic);
    bench.pass(10);
    assert_eq!(bench.heard.len(), 10, "it counts milliseconds");
}

#[test]
fn nothing_piles_up_while_nobody_acknowledges() {
    let mut drive = Odrive::new(3);
    let mut controller = Controller::at(Time::ZERO);
    drive.act(&mut controller);
    for seconds in 1..10 {
        let mut controller = Controller::at(Time::ZERO + Duration::from_secs(seconds));
        drive.act(&mut controller);
        let count = if seconds == 1 { 2 } else { 0 };
        assert_eq!(controller.take_sent().len(), count);
    }
}

#[test]
fn it_turns_in_closed_loop_control_only() {
    let mut bench = Bench::new(Odrive::new(3));
    bench.tell(command::SET_INPUT_VEL, &protocol::pair(2.0, 0.0));
    bench.pass(500);
    assert_eq!(bench.velocity(), 0.0);
    bench.turn(2.0);
    bench.pass(500);
    assert!(is_near(bench.velocity(), 2.0));
    assert_eq!(bench.heartbeat(), (0, CLOSED_LOOP, SUCCESS));
    let [position, velocity] = bench.ask(command::GET_ENCODER_ESTIMATES);
    assert!(
        is_near(position, 0.9) && is_near(velocity, 2.0),
        "{position}"
    );
    bench.tell(command::SET_AXIS_STATE, &1u32.to_le_bytes());
    bench.drive.set_load(0.1);
    bench.pass(1000);
    assert_eq!((bench.velocity(), bench.drive.state()), (0.0, IDLE));
    // What it was told before is forgotten.
    bench.tell(command::SET_AXIS_STATE, &8u32.to_le_bytes());
    bench.pass(500);
    assert_eq!(bench.velocity(), 0.0);
}

#[test]
fn other_axes_and_identifiers_are_not_its_own() {
    let mut bench = Bench::new(Odrive::new(3));
    bench.turn(1.0);
    for id in [
        Id::standard(4 << 5 | 0x02).unwrap(),
        Id::extended(3 << 5 | 0x02).unwrap(),
    ] {
        let frame = Frame::new(id, &[]).unwrap();
        bench.call(bench.now, |drive, controller| {
            drive.receive(&frame, controller)
        });
    }
    assert_eq!(bench.drive.errors(), 0);
    bench.tell(command::ESTOP, &[]);
    assert_eq!(bench.drive.errors(), Odrive::ESTOP_REQUESTED);
}

#[test]
fn the_watchdog_stops_it() {
    let mut bench = Bench::new(Odrive::new(3).watchdog(Duration::from_millis(250)));
    bench.pass(1000);
    assert_eq!(bench.drive.errors(), 0, "it is not turning");
    bench.turn(1.0);
    for _ in 0..10 {
        bench.pass(200);
        bench.tell(command::SET_INPUT_VEL, &protocol::pair(1.0, 0.0));
        // Questions do not feed it.
        bench.ask(command::GET_IQ);
    }
    bench.pass(240);
    assert_eq!(bench.drive.state(), CLOSED_LOOP);
    bench.drive.set_load(0.01);
    bench.pass(1000);
    let expired = Odrive::WATCHDOG_TIMER_EXPIRED;
    assert_eq!(bench.heartbeat(), (expired, IDLE, DISARMED));
    assert_eq!(bench.velocity(), 0.0);
    // It stopped in time, whenever somebody looks.
    let position = bench.drive.position(bench.now);
    let other = Odrive::new(3).watchdog(Duration::from_millis(250));
    let mut seldom = Bench::new(other);
    seldom.turn(1.0);
    seldom.pass(1);
    seldom.drive.set_load(0.01);
    seldom.pass(1);
    let later = seldom.now + Duration::from_secs(60);
    let way = seldom.drive.position(later);
    assert!(way > 0.19 && way < 0.25, "{way}");
    assert!(position > 2.0, "{position}");
    // It stays so until the error is cleared.
    bench.turn(1.0);
    bench.pass(100);
    assert_eq!(bench.heartbeat(), (expired, IDLE, DISARMED));
    bench.tell(command::CLEAR_ERRORS, &[0]);
    bench.turn(1.0);
    bench.pass(200);
    assert_eq!(bench.heartbeat(), (0, CLOSED_LOOP, SUCCESS));
}

#[test]
fn a_shaft_that_is_stuck_costs_current() {
    let mut bench = Bench::new(Odrive::new(3));
    bench.turn(2.0);
    bench.pass(500);
    let [current, _] = bench.ask(command::GET_IQ);
    assert!(is_near(current, 0.0), "{current}");
    bench.drive.block(true);
    bench.pass(500);
    assert_eq!(bench.velocity(), 0.0);
    let [_, current] = bench.ask(command::GET_IQ);
    assert_eq!(current, 10.0);
    let [volts, amperes] = bench.ask(command::GET_BUS_VOLTAGE_CURRENT);
    assert_eq!((volts, amperes), (24.0, 10.0 * 10.0 * RESISTANCE / 24.0));
    // Less of it, by the limits.
    bench.tell(command::SET_LIMITS, &protocol::pair(5.0, 2.5));
    bench.pass(10);
    assert!(is_near(bench.drive.torque(bench.now), 0.1));
    bench.drive.block(false);
    bench.pass(500);
    assert!(is_near(bench.velocity(), 2.0));
}

#[test]
fn modes_are_torque_velocity_and_position() {
    let mut bench = Bench::new(Odrive::new(3).inertia(0.01));
    bench.turn(0.0);
    bench.tell(command::SET_CONTROLLER_MODE, &protocol::words(1, 1));
    bench.tell(command::SET_INPUT_TORQUE, &0.1f32.to_le_bytes());
    bench.pass(1000);
    assert!(is_near(bench.velocity(), 10.0 / std::f32::consts::TAU));
    bench.tell(command::SET_CONTROLLER_MODE, &protocol::words(3, 1));
    let mut position = [0; 8];
    position[..4].copy_from_slice(&(-1.5f32).to_le_bytes());
    bench.tell(command::SET_INPUT_POS, &position);
    bench.pass(5000);
    assert!(is_near(bench.drive.position(bench.now), -1.5));
    bench.tell(command::SET_ABSOLUTE_POSITION, &0f32.to_le_bytes());
    assert_eq!(bench.drive.position(bench.now), 0.0);
}

#[test]
fn states_that_it_does_not_have_are_refused() {
    let mut bench = Bench::new(Odrive::new(3));
    bench.tell(command::SET_AXIS_STATE, &77u32.to_le_bytes());
    bench.pass(100);
    assert_eq!(bench.heartbeat(), (0, IDLE, INVALID_STATE));
    bench.tell(command::SET_AXIS_STATE, &3u32.to_le_bytes());
    bench.pass(100);
    assert_eq!(bench.heartbeat(), (0, IDLE, SUCCESS));
}

#[test]
fn errors_happen_when_a_test_says_so() {
    let mut bench = Bench::new(Odrive::new(3));
    bench.turn(1.0);
    bench.pass(100);
    bench.drive.raise(0x4000);
    bench.pass(100);
    assert_eq!(bench.heartbeat(), (0x4000, IDLE, DISARMED));
    let frame = Frame::remote(protocol::id(3, command::GET_ERROR).unwrap(), 8).unwrap();
    bench.heard.clear();
    bench.call(bench.now, |drive, controller| {
        drive.receive(&frame, controller)
    });
    assert_eq!(bench.heard[0].data(), [0, 0x40, 0, 0, 0, 0x40, 0, 0]);
    bench.tell(command::REBOOT, &[0]);
    assert_eq!(bench.drive.errors(), 0);
    assert_eq!(
        bench.ask(command::GET_VERSION)[0].to_bits().to_le_bytes(),
        VERSION[..4]
    );
}
