use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

/// What the kernel's tracer sees the thread do that made it
/// (<https://docs.kernel.org/trace/ftrace.html>). Needs root.
pub struct Tracer {
    instance: PathBuf,
    switch: File,
}

impl Tracer {
    /// Returns a tracer of the system calls of the calling thread.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Tracer {
        Tracer::of("raw_syscalls/sys_enter")
    }

    /// Returns a tracer of some events of the kernel's in the calling thread, `gpio` for one: a
    /// folder of `/sys/kernel/tracing/events`.
    pub fn of(events: &str) -> Tracer {
        let tracing = PathBuf::from("/sys/kernel/tracing");
        if !tracing.join("instances").exists() {
            let mount = Command::new("mount")
                .args(["-t", "tracefs", "tracefs"])
                .arg(&tracing)
                .status();
            assert!(mount.unwrap().success());
        }
        // SAFETY: it has no requirements.
        #[allow(unsafe_code)]
        let thread = unsafe { libc::gettid() };
        let instance = tracing.join(format!("instances/circuits-{thread}"));
        fs::create_dir_all(&instance).unwrap();
        let event = instance.join("events").join(events);
        fs::write(event.join("filter"), format!("common_pid == {thread}")).unwrap();
        let switch = File::options()
            .write(true)
            .open(event.join("enable"))
            .unwrap();
        Tracer { instance, switch }
    }

    /// Runs `f` and returns the numbers of the system calls that it made.
    pub fn trace(&mut self, f: impl FnOnce()) -> Vec<libc::c_long> {
        let trace = self.events(f);
        let number = |line: &str| line.split_once(" NR ")?.1.split(' ').next()?.parse().ok();
        let mut calls: Vec<libc::c_long> = trace.lines().filter_map(number).collect();
        // The one that turned the tracer off.
        assert_eq!(calls.pop(), Some(libc::SYS_write));
        calls
    }

    /// Runs `f` and returns what the tracer has written of it.
    pub fn events(&mut self, f: impl FnOnce()) -> String {
        fs::write(self.instance.join("trace"), "").unwrap();
        self.switch.write_all(b"1").unwrap();
        f();
        self.switch.write_all(b"0").unwrap();
        fs::read_to_string(self.instance.join("trace")).unwrap()
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.instance);
    }
}
