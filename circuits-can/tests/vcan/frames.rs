use std::time::{Duration, SystemTime};

use circuits_bench::CanLink;
use circuits_can::{Received, list};
use circuits_wait::Time;

use crate::{LONG, frame, open};

#[test]
#[ignore = "needs vcan"]
fn a_frame_is_stamped_by_two_clocks() {
    let _link = CanLink::new("vcan20");
    let (here, there) = (open("vcan20"), open("vcan20"));
    assert!(list().unwrap().contains(&"vcan20".into()));
    let (before, day) = (Time::monotonic(), SystemTime::now());
    there.write(&frame(1, b"now"), LONG).unwrap();
    let (after, end) = (Time::monotonic(), SystemTime::now());
    std::thread::sleep(Duration::from_millis(50));
    let received: Received = here.read(LONG).unwrap();
    assert_eq!(received.frame(), Some(&frame(1, b"now")));
    println!("{:?} {:?} {:?}", before, received.time(), after);
    let slack = Duration::from_millis(1);
    assert!(before <= received.time() + slack && received.time() <= after + slack);
    let stamp = received.system_time().unwrap();
    assert!(day <= stamp && stamp <= end, "{day:?} {stamp:?} {end:?}");
    assert!(received.is_local() && !received.is_own());
}
