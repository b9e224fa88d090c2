// What ThreadSanitizer takes for a race. `mutex` and `continuation` are none, and are taken for one unless runtime.c is linked
// in; `race` is one, which must be found with it too.
import Glibc
import Synchronization

final class Shared: @unchecked Sendable {  // the race is the point
  let guarded = Mutex([Int]())
  var unguarded = 0
  let continuation = Mutex<CheckedContinuation<Parcel, Never>?>(nil)
}

final class Parcel: @unchecked Sendable {  // handed over
  var number = 7
}

/// Starts a thread that does something with what it is given.
func thread(_ shared: Shared, _ body: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer?)
  -> pthread_t
{
  var thread = pthread_t()
  pthread_create(&thread, nil, body, Unmanaged.passRetained(shared).toOpaque())
  return thread
}

func shared(_ pointer: UnsafeMutableRawPointer?) -> Shared {
  guard let pointer else { exit(2) }
  return Unmanaged<Shared>.fromOpaque(pointer).takeUnretainedValue()
}

func mutex() {
  let here = Shared()
  let threads = (0..<4).map { _ in
    thread(here) { pointer in
      for number in 0..<20_000 { shared(pointer).guarded.withLock { $0 = $0.count > 100 ? [] : $0 + [number] } }
      return nil
    }
  }
  for thread in threads { pthread_join(thread, nil) }
}

func race() {
  let here = Shared()
  let threads = (0..<4).map { _ in
    thread(here) { pointer in
      for _ in 0..<20_000 {
        // A Mutex beside it must not hide it.
        shared(pointer).guarded.withLock { $0 = [] }
        shared(pointer).unguarded += 1
      }
      return nil
    }
  }
  for thread in threads { pthread_join(thread, nil) }
}

/// Resumed before the task waits: it stays in the closure long enough.
func continuation() async {
  for _ in 0..<50 {
    let parcel = await withCheckedContinuation { (continuation: CheckedContinuation<Parcel, Never>) in
      let here = Shared()
      here.continuation.withLock { $0 = continuation }
      let resumer = thread(here) { pointer in
        shared(pointer).continuation.withLock { $0 }?.resume(returning: Parcel())
        return nil
      }
      pthread_detach(resumer)
      usleep(2000)
    }
    parcel.number += 1
  }
}

@main enum Races {
  static func main() async {
    switch CommandLine.arguments.last {
    case "mutex": mutex()
    case "race": race()
    default: await continuation()
    }
  }
}
