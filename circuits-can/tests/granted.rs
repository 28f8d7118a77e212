//! What a backend does not grant is an error, whatever it says: a backend that takes all and does as it likes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use circuits_can::{
    Backend, Config, Error, ErrorKind, ErrorMask, Filter, Frame, Handle, Interest, Interface,
    InterfaceConfig, InterfaceInfo, Link, Mode, Received, Socket, list_on,
};
use circuits_stub::Stub;
use circuits_wait::{Clock, Ready};

#[derive(Debug)]
struct Stubborn {
    info: InterfaceInfo,
    clock: Arc<dyn Clock>,
}

#[derive(Debug)]
struct Nothing;

impl Backend for Stubborn {
    fn open(&self, _: &str, _: &Config) -> io::Result<Box<dyn Handle>> {
        Ok(Box::new(Nothing))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    fn link(&self, _: &str) -> io::Result<Box<dyn Link>> {
        Ok(Box::new(Its(self.info.clone())))
    }
}

impl Handle for Nothing {
    fn read(&self, _: &mut [Received]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn write(&self, _: &[Frame]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn ready(&self, _: Interest) -> &dyn Ready {
        panic!("nobody waits here")
    }

    fn configure(&self, _: &Config) -> io::Result<()> {
        Ok(())
    }

    fn config(&self) -> io::Result<Config> {
        Ok(Config::new())
    }

    fn lost(&self) -> io::Result<u64> {
        Ok(0)
    }
}

#[derive(Debug)]
struct Its(InterfaceInfo);

impl Link for Its {
    fn info(&self) -> io::Result<InterfaceInfo> {
        Ok(self.0.clone())
    }

    fn configure(&self, _: &InterfaceConfig) -> io::Result<()> {
        Ok(())
    }

    /// EBUSY, as of a driver that does not get its interrupt.
    fn set_up(&self, _: bool) -> io::Result<()> {
        Err(io::Error::from_raw_os_error(16))
    }

    fn restart(&self) -> io::Result<()> {
        Ok(())
    }
}

fn backend(set: impl FnOnce(&mut InterfaceInfo)) -> Stubborn {
    let mut info = InterfaceInfo::default();
    set(&mut info);
    Stubborn {
        info,
        clock: Stub::virtual_time().clock(),
    }
}

#[test]
fn settings_of_a_socket_are_read_back() {
    let backend = backend(|_| ());
    let open = |config: &Config| Socket::open_on(&backend, "can0", config);
    let here = open(&Config::new()).unwrap();
    for config in [
        Config::new().filters([]),
        Config::new().join_filters(true),
        Config::new().errors(ErrorMask::BUS_OFF),
        Config::new().loopback(false),
        Config::new().own_messages(true),
        Config::new().fd(false),
        Config::new().receive_buffer(1),
        Config::new().filters([Filter::all(), Filter::all()]),
    ] {
        for error in [
            open(&config).unwrap_err(),
            here.configure(&config).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{config:?}: {error}");
        }
        assert_eq!(here.config(), Config::new());
    }
}

#[test]
fn settings_of_an_interface_are_read_back() {
    let half = |config: InterfaceConfig, set: fn(&mut InterfaceInfo)| {
        Interface::open_on(&backend(set), "can0")
            .unwrap()
            .configure(&config)
    };
    let rate = |rate| InterfaceConfig::new().bitrate(rate);
    // Half a percent, and no more.
    half(rate(500_000), |info| info.bitrate = Some(502_500)).unwrap();
    half(rate(500_000), |info| info.bitrate = Some(497_500)).unwrap();
    for set in [
        |info: &mut InterfaceInfo| info.bitrate = Some(502_501),
        |info: &mut InterfaceInfo| info.bitrate = Some(497_499),
        |_: &mut InterfaceInfo| (),
    ] {
        let error = half(rate(500_000), set).unwrap_err();
        assert!(
            matches!(error, Error::Bitrate { asked: 500_000, .. }),
            "{error}"
        );
    }
    let later = |millis| InterfaceConfig::new().restart_after(Duration::from_millis(millis));
    half(later(0), |_| ()).unwrap();
    half(later(5), |info| {
        info.restart_after = Some(Duration::from_millis(5))
    })
    .unwrap();
    let mode = |on| InterfaceConfig::new().mode(Mode::ListenOnly, on);
    half(mode(true), |info| info.modes = vec![Mode::ListenOnly]).unwrap();
    for error in [
        half(later(5), |_| ()),
        half(later(0), |info| {
            info.restart_after = Some(Duration::from_millis(5))
        }),
        half(mode(true), |_| ()),
        half(mode(false), |info| info.modes = vec![Mode::ListenOnly]),
    ] {
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
    let fd = InterfaceConfig::new().data_bitrate(2_000_000);
    let error = half(fd, |_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
}

#[test]
fn what_is_said_is_what_can_be_done() {
    let backend = backend(|_| ());
    let error = Interface::open_on(&backend, "can0")
        .unwrap()
        .up()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse, "{error}");
    assert!(!error.to_string().contains("take it down"), "{error}");
    let error = list_on(&backend).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let opened = |errno| Error::from_open(&"can0".into(), io::Error::from_raw_os_error(errno));
    // EPERM, for which no user is to blame.
    let text = opened(1).to_string();
    assert!(
        !text.contains("CAP_NET_ADMIN") && text.contains("seccomp"),
        "{text}"
    );
}
