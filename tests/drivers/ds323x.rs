use std::time::Duration;

use circuits::Board;
use circuits::gpio::{Bias, Config};
use circuits::stub::Stub;
use circuits::stub::chips::Ds3231;
use ds323x::{
    Alarm1Matching, DateTimeAccess, DayAlarm1, Ds323x, Hours, NaiveDate, NaiveDateTime, NaiveTime,
    Rtcc,
};

use crate::deaf::{on_i2c, on_i2c_with_lines};

fn datetime([year, month, date, hour, minute, second]: [u16; 6]) -> NaiveDateTime {
    NaiveDate::from_ymd_opt(year.into(), month.into(), date.into())
        .unwrap()
        .and_hms_opt(hour.into(), minute.into(), second.into())
        .unwrap()
}

#[test]
fn driver_ds323x_datetime() {
    let chip = Ds3231::new();
    on_i2c(0x68, chip.clone(), |stub, bus| {
        let mut rtc = Ds323x::new_ds3231(bus);
        assert!(rtc.has_been_stopped().unwrap());
        rtc.clear_has_been_stopped_flag().unwrap();
        assert!(!rtc.has_been_stopped().unwrap());

        rtc.set_datetime(&datetime([2027, 12, 31, 23, 59, 58]))
            .unwrap();
        stub.delay().sleep(Duration::from_secs(3)).unwrap();
        let next_year = [2028, 1, 1, 0, 0, 1];
        assert_eq!(rtc.datetime().unwrap(), datetime(next_year));
        assert_eq!(chip.datetime(stub.clock().now()), next_year);
        assert_eq!(rtc.weekday().unwrap(), 7, "a Saturday");

        chip.set_datetime(stub.clock().now(), [2100, 2, 28, 12, 34, 56])
            .unwrap();
        assert_eq!(rtc.datetime().unwrap(), datetime([2100, 2, 28, 12, 34, 56]));
        rtc.set_hours(Hours::PM(11)).unwrap();
        assert_eq!(rtc.hours().unwrap(), Hours::PM(11));
        assert_eq!(chip.datetime(stub.clock().now())[3], 23);
        rtc.set_day(1).unwrap();
        rtc.set_month(7).unwrap();
        rtc.set_year(2031).unwrap();
        assert_eq!(chip.datetime(stub.clock().now())[..4], [2031, 7, 1, 23]);
    });
}

#[test]
fn driver_ds323x_temperature() {
    let chip = Ds3231::new();
    on_i2c(0x68, chip.clone(), |stub, bus| {
        let mut rtc = Ds323x::new_ds3231(bus);
        chip.set_celsius(21.75);
        assert_eq!(rtc.temperature().unwrap(), 21.75);
        chip.set_celsius(-10.5);
        assert_eq!(rtc.temperature().unwrap(), 21.75, "as it was measured");
        rtc.convert_temperature().unwrap();
        stub.delay().sleep(Duration::from_millis(10)).unwrap();
        assert!(rtc.busy().unwrap());
        stub.delay().sleep(Duration::from_millis(200)).unwrap();
        assert!(!rtc.busy().unwrap());
        assert_eq!(rtc.temperature().unwrap(), -10.5);
        rtc.set_aging_offset(-7).unwrap();
        assert_eq!(rtc.aging_offset().unwrap(), -7);
    });
}

#[test]
fn driver_ds323x_alarms() {
    let chip = |stub: &Stub| Ds3231::new().interrupt_pin(stub.pin("INT").unwrap());
    on_i2c_with_lines(&["INT"], 0x68, chip, |stub, bus, chip| {
        let start = stub.clock().now();
        chip.set_datetime(start, [2026, 11, 22, 6, 0, 0]).unwrap();
        let config = Config::new().bias(Bias::PullUp).active_low(true);
        let mut interrupt = Board::from(stub).input_with("INT", &config).unwrap();
        let mut rtc = Ds323x::new_ds3231(bus);
        rtc.use_int_sqw_output_as_interrupt().unwrap();
        let when = DayAlarm1 {
            day: 23,
            hour: Hours::H24(7),
            minute: 30,
            second: 15,
        };
        rtc.set_alarm1_day(when, Alarm1Matching::AllMatch).unwrap();
        rtc.enable_alarm1_interrupts().unwrap();

        let edge = interrupt.wait_edge(None).unwrap().expect("in a day");
        let passed = edge.time().since(start).as_secs();
        assert_eq!(passed, 24 * 3600 + 90 * 60 + 15);
        assert!(interrupt.get().unwrap() && rtc.has_alarm1_matched().unwrap());
        rtc.clear_alarm1_matched_flag().unwrap();
        assert!(!interrupt.get().unwrap() && !rtc.has_alarm1_matched().unwrap());

        rtc.disable_alarm1_interrupts().unwrap();
        rtc.set_alarm2_hm(NaiveTime::from_hms_opt(8, 0, 0).unwrap())
            .unwrap();
        stub.delay().sleep(Duration::from_secs(3600)).unwrap();
        assert!(rtc.has_alarm2_matched().unwrap());
        assert!(!interrupt.get().unwrap(), "it is not enabled");
        rtc.enable_alarm2_interrupts().unwrap();
        assert!(interrupt.get().unwrap());
        rtc.clear_alarm2_matched_flag().unwrap();
        assert!(!interrupt.get().unwrap());
    });
}
