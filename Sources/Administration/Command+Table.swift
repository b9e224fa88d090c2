extension Command {
  /// Every command that the control socket knows, and the command line where no appliance runs.
  public static let all: [Command] =
    state + traces + queue + quarantine + accounts + spam + filter + signing + transportReports + upkeep
}
