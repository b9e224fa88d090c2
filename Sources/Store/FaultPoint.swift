#if POSTROOM_FAULTS
  internal import Glibc
#endif

/// A named place at which a test build can be made to die, by the environment variable `POSTROOM_FAULT=NAME`.
///
/// Names: `before-commit`, `during-commit` (rows written, commit not yet), `after-commit` (durable, nobody told yet), `staged`.
@inline(__always)
func faultPoint(_ name: StaticString) {
  #if POSTROOM_FAULTS
    if let wanted = getenv("POSTROOM_FAULT"), String(cString: wanted) == "\(name)" { kill(getpid(), SIGKILL) }
  #endif
}
