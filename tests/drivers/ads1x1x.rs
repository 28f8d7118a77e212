use std::time::Duration;

use ads1x1x::{
    Ads1x1x, ComparatorQueue, DataRate16Bit, FullScaleRange, TargetAddr, channel, ic, mode,
};
use circuits::Board;
use circuits::gpio::{Bias, Config, EdgeDetection};
use circuits::i2c::Bus;
use circuits::stub::Stub;
use circuits::stub::chips::Ads1115;
use nb::block;

use crate::deaf::{on_i2c, on_i2c_with_lines};

const MILLI: Duration = Duration::from_millis(1);

/// Asks again in a millisecond, so that the board's time is not spent on asking.
macro_rules! converted {
    ($stub:ident, $read:expr) => {
        block!({
            let read = $read;
            $stub.delay().sleep(MILLI).unwrap();
            read
        })
        .unwrap()
    };
}

#[test]
fn driver_ads1x1x_one_shot() {
    let chip = Ads1115::new();
    on_i2c(0x48, chip.clone(), |stub, bus| {
        for (input, volts) in [0.5, 1.25, 2.0, 3.3].into_iter().enumerate() {
            chip.set_volts(input, volts).unwrap();
        }
        let mut adc = Ads1x1x::new_ads1115(bus, TargetAddr::Gnd);
        assert_eq!(converted!(stub, adc.read(channel::SingleA0)), 8000);
        assert_eq!(converted!(stub, adc.read(channel::SingleA1)), 20_000);
        assert_eq!(
            converted!(stub, adc.read(channel::DifferentialA0A1)),
            -12_000
        );
        assert_eq!(converted!(stub, adc.read(channel::SingleA3)), i16::MAX);
        adc.set_full_scale_range(FullScaleRange::Within4_096V)
            .unwrap();
        assert_eq!(converted!(stub, adc.read(channel::SingleA2)), 16_000);
        assert_eq!(converted!(stub, adc.read(channel::SingleA3)), 26_400);

        adc.set_data_rate(DataRate16Bit::Sps8).unwrap();
        assert!(adc.read(channel::SingleA2).is_err(), "it has begun");
        let begun = stub.clock().now();
        while adc.is_measurement_in_progress().unwrap() {
            stub.delay().sleep(MILLI).unwrap();
        }
        let took = stub.clock().now().since(begun).as_millis();
        assert!((124..128).contains(&took), "{took} ms");
    });
}

#[test]
fn driver_ads1x1x_continuous() {
    let chip = Ads1115::new();
    on_i2c(0x4b, chip.clone(), |stub, bus| {
        let adc = Ads1x1x::new_ads1115(bus, TargetAddr::Scl);
        let mut adc = adc.into_continuous().ok().unwrap();
        adc.set_data_rate(DataRate16Bit::Sps860).unwrap();
        adc.select_channel(channel::SingleA1).unwrap();
        let seconds = |time: circuits::wait::Time| time.as_nanos() as f32 / 1e9;
        chip.follow(1, seconds).unwrap();
        for _ in 0..5 {
            stub.delay().sleep(100 * MILLI).unwrap();
            let volts = f32::from(adc.read().unwrap()) / 32_768.0 * 2.048;
            let late = seconds(stub.clock().now()) - volts;
            // A conversion or two, and the time of the wire.
            assert!((0.0..0.004).contains(&late), "{volts} V, {late} s late");
        }
        let adc = adc.into_one_shot().ok().unwrap();
        let bus = adc.destroy_ads1115();
        drop(bus);
    });
}

type Adc = Ads1x1x<Bus, ic::Ads1115, ic::Resolution16Bit, mode::OneShot>;

fn with_pin(test: impl Fn(&Board, Adc, &Ads1115)) {
    let chip = |stub: &Stub| Ads1115::new().alert_pin(stub.pin("ALERT").unwrap());
    on_i2c_with_lines(&["ALERT"], 0x49, chip, |stub, bus, chip| {
        let adc = Ads1x1x::new_ads1115(bus, TargetAddr::Vdd);
        test(&Board::from(stub), adc, chip);
    });
}

#[test]
fn driver_ads1x1x_ready_pin() {
    with_pin(|board, mut adc, chip| {
        // The driver leaves the comparator as it is if it is off, and then the pin does nothing.
        adc.set_comparator_queue(ComparatorQueue::One).unwrap();
        adc.use_alert_rdy_pin_as_ready().unwrap();
        // To configure it is to have it convert.
        board.delay().sleep(10 * MILLI).unwrap();
        let config = Config::new()
            .bias(Bias::PullUp)
            .edge_detection(EdgeDetection::Falling);
        let mut ready = board.input_with("ALERT", &config).unwrap();
        for volts in [0.25, 0.5] {
            chip.set_volts(0, volts).unwrap();
            assert!(adc.read(channel::SingleA0).is_err());
            let begun = board.clock().now();
            let edge = ready.wait_edge(100 * MILLI).unwrap().expect("it is ready");
            let took = edge.time().since(begun).as_micros();
            assert!((7000..8000).contains(&took), "{took} us");
            let value = adc.read(channel::SingleA0).unwrap();
            assert_eq!(f32::from(value), volts * 16_000.0);
        }
    });
}

#[test]
fn driver_ads1x1x_comparator() {
    with_pin(|board, mut adc, chip| {
        adc.set_high_threshold_raw(16_000).unwrap();
        adc.set_low_threshold_raw(8000).unwrap();
        adc.set_comparator_queue(ComparatorQueue::Two).unwrap();
        let mut adc = adc.into_continuous().ok().unwrap();
        adc.select_channel(channel::SingleA0).unwrap();
        let config = Config::new()
            .bias(Bias::PullUp)
            .active_low(true)
            .edge_detection(EdgeDetection::Both);
        let mut alert = board.input_with("ALERT", &config).unwrap();
        board.delay().sleep(100 * MILLI).unwrap();
        assert!(!alert.get().unwrap());
        chip.set_volts(0, 1.5).unwrap();
        let set = board.clock().now();
        let edge = alert.wait_edge(100 * MILLI).unwrap().expect("too high");
        let took = edge.time().since(set).as_micros();
        // What was running, and two after it.
        assert!((2 * 7812..=3 * 7813).contains(&took), "{took} us");
        chip.set_volts(0, 0.75).unwrap();
        assert_eq!(
            alert.wait_edge(100 * MILLI).unwrap(),
            None,
            "between the two"
        );
        chip.set_volts(0, 0.25).unwrap();
        let back = alert.wait_edge(100 * MILLI).unwrap();
        assert!(back.is_some() && !alert.get().unwrap());
    });
}
