public import Accounts
public import Configuration
public import MailFlow
public import Store

/// What the commands act on: the running appliance, or the store alone when none runs.
public struct Office: Sendable {
  public let configuration: Configuration
  public let store: Store
  public let flow: MailFlow
  public let authenticator: Authenticator
  /// What only a running process can tell or do; `nil` when the command line has opened the store itself.
  public let running: (any RunningAppliance)?
  /// What people call spam; `nil` in an appliance without a classifier.
  public let classifier: (any Classifier)?
  /// Messages that the command line hands over for a look.
  let uploads: Uploads

  public init(
    configuration: Configuration, store: Store, flow: MailFlow, authenticator: Authenticator,
    running: (any RunningAppliance)?, classifier: (any Classifier)? = nil, uploads: Uploads = Uploads()
  ) {
    self.configuration = configuration
    self.store = store
    self.flow = flow
    self.authenticator = authenticator
    self.running = running
    self.classifier = classifier
    self.uploads = uploads
  }
}

/// What the appliance tells of itself while it runs. `Postroom` implements it.
public protocol RunningAppliance: Sendable {
  /// Reads the configuration file again. All or nothing: with a problem in it the old one stays in force.
  ///
  /// - Returns: warnings, and what takes effect only at the next start.
  func reload() async throws -> [String]
  /// The state of each service and part, for `postroom status`.
  func report() async -> RunningReport
}

/// A running appliance at one moment.
public struct RunningReport: Codable, Sendable {
  public struct Service: Codable, Sendable {
    public var name: String
    public var addresses: [String]
    public var connections: Int

    public init(name: String, addresses: [String], connections: Int) {
      self.name = name
      self.addresses = addresses
      self.connections = connections
    }
  }

  public var version: String
  public var processID: Int32
  /// RFC 3339.
  public var startedAt: String
  public var generation: UInt64
  public var services: [Service]
  /// Anything that needs the administrator's attention, a sentence each.
  public var troubles: [String]

  public init(
    version: String, processID: Int32, startedAt: String, generation: UInt64, services: [Service], troubles: [String]
  ) {
    self.version = version
    self.processID = processID
    self.startedAt = startedAt
    self.generation = generation
    self.services = services
    self.troubles = troubles
  }
}

/// One command of the table: what the command line and the control socket both carry out.
public struct Command: Sendable {
  /// Gives one row to whoever asked; it waits when the reader is slow.
  public typealias Emit = @Sendable (ControlRow) async throws -> Void

  /// The words that name it.
  public let name: String
  /// Whether it makes sense only where an appliance runs.
  public let needsRunning: Bool
  /// - Throws: ``CommandFailure`` when the answer is no.
  public let run: @Sendable (Arguments, Office, Emit) async throws -> Void

  public init(
    _ name: String, needsRunning: Bool = false,
    _ run: @escaping @Sendable (Arguments, Office, Emit) async throws -> Void
  ) {
    self.name = name
    self.needsRunning = needsRunning
    self.run = run
  }

  /// Carries out a request; everything that can go wrong ends in a sentence.
  ///
  /// - Parameter actor: who asks, for the trace.
  public static func perform(
    _ request: ControlRequest, in office: Office, actor: String, emit: @escaping Emit
  ) async -> ControlEnd {
    guard let command = all.first(where: { $0.name == request.command }) else {
      return ControlEnd(status: 2, message: "there is no command `\(request.command)`: see `postroom help`")
    }
    guard office.running != nil || !command.needsRunning else {
      return ControlEnd(
        status: 1, message: "no appliance runs here, and `\(command.name)` needs one: start it, then ask again")
    }
    do {
      try await command.run(Arguments(request.arguments, actor: actor), office, emit)
      return ControlEnd(status: 0)
    } catch let failure as CommandFailure {
      return ControlEnd(status: failure.status, message: failure.description)
    } catch {
      return ControlEnd(status: 1, message: "\(error)")
    }
  }
}

/// The arguments of a request, read with complaints in sentences.
public struct Arguments: Sendable {
  private let values: [String: String]
  /// Who asks: a name of the system's, for the trace.
  let actor: String

  init(_ values: [String: String], actor: String) {
    self.values = values
    self.actor = actor
  }

  subscript(_ name: String) -> String? { values[name].flatMap { $0.isEmpty ? nil : $0 } }

  func required(_ name: String) throws -> String {
    guard let value = self[name] else { throw CommandFailure(status: 2, "the command needs \(name): give one") }
    return value
  }

  /// A whole number, or `fallback` where none is given.
  func number(_ name: String, or fallback: Int) throws -> Int {
    guard let text = self[name] else { return fallback }
    guard let number = Int(text), number >= 0 else {
      throw CommandFailure(status: 2, "\(name) is \(text): write a whole number")
    }
    return number
  }

  func flag(_ name: String) -> Bool { values[name] == "true" }
}
