use std::sync::Arc;

use super::blocking::read;
use super::futures::in_task;
use super::{Bench, HIGH, MEMORY, NOBODY, OWNED, SENSOR, bus};
use crate::{Answer, Method, Reason, Scan};

pub(super) fn a_scan_finds_who_is_there(bench: Arc<dyn Bench>) {
    let mut bus = bus(&*bench);
    for method in [Method::Auto, Method::Read] {
        let scan = Scan::new().method(method);
        let mut asked = Vec::new();
        for (address, answer) in scan.on(&mut bus) {
            asked.push(address);
            let wanted = match address {
                SENSOR | MEMORY => Answer::Present,
                NOBODY => Answer::Free,
                OWNED => Answer::Owned {
                    driver: bench.driver().into(),
                },
                _ => continue,
            };
            assert_eq!(answer.unwrap(), wanted, "{address:#04x} by {method:?}");
        }
        assert_eq!(asked, (0x08..=0x77).collect::<Vec<u8>>());
    }
    read(&mut bus, HIGH);
}

pub(super) fn a_scan_asks_no_more_than_it_is_asked(bench: Arc<dyn Bench>) {
    let mut bus = bus(&*bench);
    let scan = Scan::new().addresses(SENSOR..=OWNED + 1).without(SENSOR);
    let mut scanning = scan.on(&mut bus);
    let (address, answer) = scanning.next().unwrap();
    assert_eq!(
        (address, answer.unwrap()),
        (SENSOR, Answer::Skipped(Reason::LeftOut))
    );
    assert_eq!(scanning.map(|(address, _)| address).last(), Some(OWNED + 1));
    let scan = Scan::new().method(Method::Quick).addresses(0x30..=0x30);
    let (_, answer) = scan.on(&mut bus).next().unwrap();
    let answer = answer.unwrap();
    assert!(
        matches!(answer, Answer::Skipped(Reason::Harmful(_))),
        "{answer:?}"
    );
    let scan = Scan::new().addresses(0x80..=0x80);
    let (_, answer) = scan.on(&mut bus).next().unwrap();
    answer.unwrap_err();
}

pub(super) fn a_scan_is_awaited(bench: Arc<dyn Bench>) {
    let mut bus = bus(&*bench);
    in_task(&bench, async move {
        let scan = Scan::new().addresses(NOBODY..=SENSOR);
        let mut scanning = scan.on(&mut bus);
        let mut count = 0;
        while let Some((address, answer)) = scanning.next_answer().await {
            count += 1;
            match address {
                SENSOR => assert_eq!(answer.unwrap(), Answer::Present),
                NOBODY => assert_eq!(answer.unwrap(), Answer::Free),
                _ => {}
            }
        }
        assert_eq!(count, SENSOR - NOBODY + 1);
    });
}
