use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::task::Poll;
use std::time::Duration;

use crate::{Backend, Error, Node, Result};

/// Blocks until a node is there and this process may open it for reading and writing, at most for
/// `timeout` (`None`: for ever). Nothing is opened.
///
/// The kernel tells of a device before udevd has given its node to a group: who opens it at once is
/// refused, now and then.
///
/// ```
/// use circuits_enumerate::wait_ready;
/// use circuits_stub::Stub;
/// use std::time::Duration;
///
/// let stub = Stub::virtual_time().nodes_after(Duration::from_millis(30)).lines(["LED"]);
/// assert!(wait_ready(&stub, "/dev/gpiochip0", Duration::from_millis(20)).is_err());
/// wait_ready(&stub, "/dev/gpiochip0", Duration::from_millis(20))?;
/// assert_eq!(stub.clock().now().as_nanos(), 30_000_000);
/// # Ok::<(), circuits_enumerate::Error>(())
/// ```
///
/// # Errors
/// [`Error::TimedOut`] if the node did not come, [`Error::PermissionDenied`] if it did and may still
/// not be opened; [`Error::Interrupted`]; [`Error::Deadlock`] on a virtual board where nothing can
/// happen any more; [`Error::Io`].
pub fn wait_ready(
    backend: &dyn Backend,
    node: impl AsRef<Path>,
    timeout: impl Into<Option<Duration>>,
) -> Result<()> {
    let path = node.as_ref();
    let deadline = timeout
        .into()
        .map(|timeout| backend.clock().now() + timeout);
    let node = look_at(backend, path)?;
    let mut refused = None;
    let done = node
        .ready()
        .block(deadline, &mut || check(&*node, &mut refused));
    match (done, refused) {
        (Ok(true), _) => Ok(()),
        (Ok(false), Some(source)) => Err(Error::PermissionDenied {
            node: path.into(),
            source,
        }),
        (Ok(false), None) => Err(Error::TimedOut { what: name(path) }),
        (Err(error), _) => Err(Error::from_io(name(path), error)),
    }
}

/// Waits as [`wait_ready`], without blocking and for ever: a timeout is put around it.
///
/// # Errors
/// [`Error::Io`]; [`Error::Unsupported`] on a virtual board outside of its tasks.
pub async fn ready(backend: &dyn Backend, node: impl AsRef<Path>) -> Result<()> {
    let path = node.as_ref();
    let waiting = Waiting(look_at(backend, path)?);
    let wait = poll_fn(|cx| {
        let node = &*waiting.0;
        match node.ready().poll(cx, &mut || check(node, &mut None)) {
            Poll::Ready(done) => Poll::Ready(done),
            Poll::Pending => Poll::Pending,
        }
    });
    wait.await
        .map_err(|error| Error::from_io(name(path), error))
}

/// A node whose waker is forgotten with the future.
struct Waiting(Box<dyn Node>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.ready().cancel();
    }
}

fn look_at(backend: &dyn Backend, path: &Path) -> Result<Box<dyn Node>> {
    backend
        .node(path)
        .map_err(|error| Error::from_io(name(path), error))
}

/// What may pass is waited for; the last refusal is kept, to be told.
fn check(node: &dyn Node, refused: &mut Option<io::Error>) -> io::Result<()> {
    match node.check() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            *refused = Some(error);
            Err(io::ErrorKind::WouldBlock.into())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            *refused = None;
            Err(io::ErrorKind::WouldBlock.into())
        }
        done => done,
    }
}

fn name(path: &Path) -> String {
    path.display().to_string()
}
