internal import NIOCore

/// Runs a task on an event loop instead of the pool of threads that tasks share.
///
/// A session that only moves bytes and asks machines goes through four or five rounds of "wait for a line, answer it" for
/// each message. On the pool each of them costs two changes of thread, through a futex and an eventfd; on the loop that
/// drives the connection it costs none. What such a session does between two waits must be quick, as all on a loop.
final class LoopExecutor: TaskExecutor {
  private let loop: any EventLoop

  init(_ loop: any EventLoop) { self.loop = loop }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}
