//! Signals that interrupt system calls.
#![allow(unsafe_code)]

/// Returns a function that sends SIGUSR1, which does nothing but to end system calls early, to the
/// thread that calls this.
pub fn to_this_thread() -> Box<dyn Fn() + Send> {
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
    // SAFETY: it has no requirements.
    let thread = unsafe { libc::pthread_self() };
    Box::new(move || {
        // SAFETY: the facts send signals only while the thread runs.
        unsafe { libc::pthread_kill(thread, libc::SIGUSR1) };
    })
}
