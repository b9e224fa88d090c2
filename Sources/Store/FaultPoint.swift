#if POSTROOM_FAULTS
  internal import Glibc
#endif

/// A named place at which a test build can be made to die, by the environment variable `POSTROOM_FAULT=NAME`.
///
/// Names: `staged` (chunks of a body are durable, its message is not accepted), `before-commit` (all rows of a batch are written,
/// the commit is not), `after-commit` (it is durable, and nobody has been told).
@inline(__always)
func faultPoint(_ name: StaticString) {
  #if POSTROOM_FAULTS
    if let wanted = getenv("POSTROOM_FAULT"), String(cString: wanted) == "\(name)" { kill(getpid(), SIGKILL) }
  #endif
}
