internal import NIOCore

/// Runs a session on the event loop of its connection.
///
/// A session that ran on the pool of threads would be woken across threads for each line that comes, and would wake the loop
/// again for each answer that goes: most of the time of a small command. So sessions must not block, as nothing on an event
/// loop may; what takes long they give to threads that are there for it (the store's, the hashing's) and wait.
final class LoopExecutor: TaskExecutor {
  private let loop: any EventLoop

  init(_ loop: any EventLoop) { self.loop = loop }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}
