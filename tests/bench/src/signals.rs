/// Returns a function that sends SIGUSR1, which does nothing but to end system calls early, to the
/// thread that calls this.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
pub fn signal_this_thread() -> Box<dyn Fn() + Send> {
    extern "C" fn nothing(_: libc::c_int) {}
    // SAFETY: the handler does nothing, and without SA_RESTART no call goes on after it.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as usize;
        assert_eq!(
            libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut()),
            0
        );
    }
    // SAFETY: they have no requirements.
    let (process, thread) = unsafe { (libc::getpid(), libc::gettid()) };
    Box::new(move || {
        // Not pthread_kill, which must not be called for a thread that has ended.
        // SAFETY: a signal for which there is a handler, to a thread of ours or to nobody.
        unsafe { libc::syscall(libc::SYS_tgkill, process, thread, libc::SIGUSR1) };
    })
}

/// Does nothing: there are no waits on a kernel here.
#[cfg(not(target_os = "linux"))]
pub fn signal_this_thread() -> Box<dyn Fn() + Send> {
    Box::new(|| {})
}
