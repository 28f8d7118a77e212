use std::time::Duration;

use circuits::stub::chips::Tmc2209;
use circuits::uart::{Config, Port, Queue};
use embedded_io::Read;
use tmc2209::data::MicroStepResolution;
use tmc2209::reg::{
    CHOPCONF, DRV_STATUS, GCONF, GSTAT, IFCNT, IHOLD_IRUN, IOIN, MSCNT, SG_RESULT, SLAVECONF,
    TSTEP, VACTUAL,
};
use tmc2209::{INTERNAL_CLOCK_HZ, ReadableRegister, Reader, send_read_request, send_write_request};

use crate::serial::on_serial;

fn config() -> Config {
    let timeout = Duration::from_millis(20);
    Config::new().baud(115_200).timeout(timeout)
}

fn read<R: ReadableRegister>(port: &mut Port) -> R {
    send_read_request::<R, _>(0, &mut *port).unwrap();
    let mut reader = Reader::default();
    loop {
        let mut bytes = [0; 16];
        let count = Read::read(port, &mut bytes).unwrap();
        if let (_, Some(response)) = reader.read_response(&bytes[..count]) {
            assert!(response.crc_is_valid());
            return response.register().unwrap();
        }
    }
}

#[test]
fn driver_tmc2209_registers() {
    on_serial(
        &config(),
        || Tmc2209::new(0),
        |_, mut port, chip| {
            assert_eq!(read::<IOIN>(&mut port).version(), 0x21);
            assert!(read::<GSTAT>(&mut port).reset());

            let mut gconf = read::<GCONF>(&mut port);
            assert!(gconf.i_scale_analog() && gconf.multistep_filt() && !gconf.pdn_disable());
            gconf.set_pdn_disable(true);
            gconf.set_mstep_reg_select(true);
            send_write_request(0, gconf, &mut port).unwrap();
            let mut current = IHOLD_IRUN::default();
            current.set_ihold(8);
            current.set_irun(20);
            send_write_request(0, current, &mut port).unwrap();
            assert_eq!(read::<IFCNT>(&mut port).get(), 2);
            assert_eq!(read::<DRV_STATUS>(&mut port).cs_actual(), 8, "it stands");
            assert_eq!(chip.writes().len(), 2);

            let mut chopper = read::<CHOPCONF>(&mut port);
            assert_eq!((chopper.toff(), chopper.hstrt(), chopper.hend()), (3, 5, 0));
            chopper.set_mres(MicroStepResolution::from_microsteps(16));
            send_write_request(0, chopper, &mut port).unwrap();
            assert_eq!(
                read::<CHOPCONF>(&mut port).mres().number_of_microsteps(),
                16
            );

            // What is for another chip is not answered.
            send_read_request::<IOIN, _>(1, &mut port).unwrap();
            port.drain(None).unwrap();
            port.read_within(&mut [0; 16], Duration::from_millis(20))
                .unwrap();
            chip.set_flags(1);
            chip.set_stall_guard(120);
            assert!(read::<DRV_STATUS>(&mut port).otpw());
            assert_eq!(read::<SG_RESULT>(&mut port).get(), 120);
        },
    );
}

#[test]
fn driver_tmc2209_moves_the_motor() {
    on_serial(
        &config(),
        || Tmc2209::new(0).echo(false),
        |stub, mut port, chip| {
            let gconf = GCONF::default();
            send_write_request(0, gconf, &mut port).unwrap();
            // Half a turn a second of a motor with 200 full steps, by 8 microsteps.
            let velocity = 800.0 / (INTERNAL_CLOCK_HZ / (1 << 24) as f32);
            let mut speed = VACTUAL::default();
            speed.set(velocity as i32);
            send_write_request(0, speed, &mut port).unwrap();
            port.drain(None).unwrap();
            let start = stub.clock().now();
            let from = chip.position(start);
            stub.delay().sleep(Duration::from_secs(2)).unwrap();
            let way = chip.position(stub.clock().now()) - from;
            assert!((51_100..=51_200).contains(&way), "{way}");
            let step = read::<TSTEP>(&mut port).get();
            assert_eq!(step, (1 << 24) / (velocity as u32 * 32));
            send_write_request(0, VACTUAL::default(), &mut port).unwrap();
            let counter = i64::from(read::<MSCNT>(&mut port).get());
            assert_eq!(counter, chip.position(stub.clock().now()).rem_euclid(1024));
        },
    );
}

/// These wait until the whole answer is in the buffer, and take no errors.
#[test]
fn driver_tmc2209_awaits() {
    on_serial(
        &config(),
        || Tmc2209::new(0),
        |stub, mut port, _| {
            let mut delay = SLAVECONF::default();
            delay.set_send_delay(15);
            send_write_request(0, delay, &mut port).unwrap();
            port.drain(None).unwrap();
            stub.delay().sleep(Duration::from_millis(1)).unwrap();
            port.discard(Queue::Input).unwrap();

            send_read_request::<IFCNT, _>(0, &mut port).unwrap();
            stub.delay().sleep(Duration::from_millis(5)).unwrap();
            assert_eq!(port.waiting(Queue::Input).unwrap(), 12);
            let count = tmc2209::await_read::<IFCNT, _>(&mut port).unwrap();
            assert_eq!(count.get(), 1);
        },
    );
}
