import Administration

#if canImport(Glibc)
  import Glibc
#endif

/// Root becomes the owner of the data folder before it opens the store, so that no file of the store ends up root's
/// and out of the service's reach.
func becomeService(owning folder: String) throws {
  guard geteuid() == 0 else { return }
  var status = stat()
  guard stat(folder, &status) == 0, status.st_uid != 0 else { return }
  guard let user = getpwuid(status.st_uid), initgroups(user.pointee.pw_name, status.st_gid) == 0,
    setgid(status.st_gid) == 0, setuid(status.st_uid) == 0
  else {
    throw CommandFailure("cannot become the owner of \(folder): \(String(cString: strerror(errno)))")
  }
}

/// A path that means the same to a process in another folder.
func absolutePath(_ path: String) -> String {
  guard !path.hasPrefix("/"), let folder = getcwd(nil, 0) else { return path }
  defer { free(folder) }
  return String(cString: folder) + "/" + path
}
