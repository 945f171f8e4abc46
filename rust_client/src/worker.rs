//! Owns the background thread of a run, and waiting for it from synchronous code and from any async runtime.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::sender::{Sender, Target};
use crate::shared::Shared;

/// Beyond its own deadline the thread gets so long: only the user's `on_warning` or a hanging file system can hold it up.
const GRACE: Duration = Duration::from_secs(1);

/// The background thread of a run.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    handle: Handle,
    thread: JoinHandle<()>,
    done: mpsc::Receiver<bool>,
    done_async: oneshot::Receiver<bool>,
}

/// Tells, once, whether what was waited for is so.
pub(crate) type Reply = Box<dyn FnOnce(bool) + Send>;

/// Counts one who waits, so that nothing is put off meanwhile.
struct Hurry(Arc<Shared>);

impl Hurry {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.hurried.fetch_add(1, Ordering::SeqCst);
        shared.hurry.notify_one();
        Self(shared.clone())
    }
}

impl Drop for Hurry {
    fn drop(&mut self) {
        self.0.hurried.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Worker {
    /// Starts the thread, with a runtime of its own.
    pub fn start(target: Target, shared: &Arc<Shared>) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let handle = runtime.handle().clone();
        let (tell, done) = mpsc::channel();
        let (tell_async, done_async) = oneshot::channel();
        let own = shared.clone();
        let thread = std::thread::Builder::new().name("trackd".into()).spawn(move || {
            let is_done = runtime.block_on(async {
                tokio::select! {
                    () = Sender::new(target, own.clone()).run() => true,
                    () = deadline(&own) => false,
                }
            });
            runtime.shutdown_background();
            let _ = tell.send(is_done);
            let _ = tell_async.send(is_done);
        })?;
        Ok(Self { shared: shared.clone(), handle, thread, done, done_async })
    }

    /// Waits, in the background, until all up to a ticket is settled.
    pub fn begin_flush(&self, ticket: u64, timeout: Duration, reply: Reply) {
        let hurry = Hurry::new(&self.shared);
        self.handle.spawn(async move {
            let shared = hurry.0.clone();
            let mut progress = shared.progress.subscribe();
            let settled = progress.wait_for(|()| shared.outbox(|outbox| outbox.is_settled(ticket)));
            let is_settled = tokio::time::timeout(timeout, settled).await.is_ok();
            drop(hurry);
            reply(is_settled);
        });
    }

    /// Waits until the thread has ended, after it was told to; returns whether it has said all.
    pub fn wait(self, timeout: Duration) -> bool {
        // The last handle of a run may be dropped in the thread itself, by the user's `on_warning`.
        if std::thread::current().id() == self.thread.thread().id() {
            return true;
        }
        match self.done.recv_timeout(timeout.saturating_add(GRACE)) {
            Ok(is_done) => self.thread.join().is_ok() && is_done,
            Err(_) => false,
        }
    }

    /// Waits as `wait` does, without holding up the thread of the caller.
    pub async fn wait_async(self) -> bool {
        match self.done_async.await {
            Ok(is_done) => self.thread.join().is_ok() && is_done,
            Err(_) => false,
        }
    }
}

/// Waits until the time of finish is over.
async fn deadline(shared: &Shared) {
    let mut finish = shared.finish.subscribe();
    let asked = finish.wait_for(Option::is_some).await.ok().and_then(|finish| *finish);
    match asked {
        Some(finish) => tokio::time::sleep_until(finish.deadline).await,
        None => std::future::pending().await,
    }
}
