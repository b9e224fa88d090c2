internal import NIOCore

#if canImport(Glibc)
  import Glibc
#endif

/// What a failed system call means, in the system's words; NIO's own description is for programmers.
func systemWords(_ error: any Error) -> String {
  guard let error = error as? IOError else { return "\(error)" }
  return String(cString: strerror(error.errnoCode))
}
