// swift-tools-version: 6.1
// The house, floor by floor (see ARCHITECTURE.md): a target imports only targets of the floors below its own.
import PackageDescription

/// `make fuzz` builds the rooms instrumented for libFuzzer, and Tests/Fuzz as a program. Nothing else sets this.
let isFuzzing = Context.environment["POSTROOM_FUZZ"] != nil
let instrumented = ["-sanitize=fuzzer,address", "-profile-generate", "-profile-coverage-mapping", "-enable-testing"]

let swift: [SwiftSetting] =
  [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
  ] + (isFuzzing ? [.unsafeFlags(instrumented)] : [])

func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: swift)
}

func tests(_ room: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
  .testTarget(
    name: room + "Tests", dependencies: [.byName(name: room)] + dependencies, resources: resources,
    swiftSettings: swift)
}

/// The fuzz targets: for `swift test` a suite that replays the corpora, for `make fuzz` a program.
func fuzz(_ rooms: [Target.Dependency]) -> Target {
  isFuzzing
    ? .executableTarget(
      name: "Fuzz", dependencies: rooms, path: "Tests/Fuzz",
      exclude: ["Replay", "Corpora", "Found", "COVERAGE.md", "run"], swiftSettings: swift,
      linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-profile-generate", "-use-ld=lld"])])
    : .testTarget(
      name: "FuzzTests", dependencies: rooms, path: "Tests/Fuzz",
      exclude: ["Program", "Corpora", "Found", "COVERAGE.md", "run"], swiftSettings: swift)
}

let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "postroom",
  products: [
    .library(name: "Postroom", targets: ["Postroom"]),
    .executable(name: "postroom", targets: ["postroom-cli"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    // Floor 0: system libraries, and what every room stands on.
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
    .systemLibrary(name: "CIDN2", pkgConfig: "libidn2", providers: [.apt(["libidn2-dev"])]),
    // Its pkg-config file asks for libevent, which it does not need.
    .systemLibrary(name: "CUnbound", providers: [.apt(["libunbound-dev"])]),
    .target(name: "CTOML", cxxSettings: [.define("TOML_HEADER_ONLY", to: "1")]),
    room("Platform", ["COpenSSL"]),

    // Floor 1
    room("Configuration", ["Platform", "CTOML"]),
    room("Message", ["Platform"]),
    room("Network", ["Platform", "COpenSSL", "CSystemd", nioCore, nioPosix, log]),
    room("Resolver", ["Platform", "CIDN2", "CUnbound", log]),
    room("Store", ["Platform", "CSQLite", log]),

    // Floor 2
    room("SMTP", ["Platform", "Message"]),
    room("Accounts", ["Platform", "Configuration", "Message", "Store", log]),
    room("MailAuthentication", ["Platform", "COpenSSL", "Message", "Resolver", "Store"]),
    room("MailFlow", ["Platform", "Configuration", "Message", "Store", log, metrics]),

    // Floor 3
    room(
      "Reception",
      ["Platform", "Configuration", "Message", "Network", "Store", "SMTP", "Accounts", "MailFlow", nioCore, log]),

    // Floor 4
    room(
      "Submission",
      ["Platform", "Configuration", "Message", "SMTP", "Accounts", "Store", "MailFlow", "Reception", log]),
    room(
      "Relay",
      [
        "Platform", "Configuration", "Message", "Network", "Resolver", "SMTP", "Accounts", "Store", "MailFlow",
        "MailAuthentication", "Reception", nioCore, log,
      ]),
    room(
      "Filtering",
      [
        "Platform", "Configuration", "Message", "Network", "Resolver", "Store", "Accounts", "MailAuthentication",
        "MailFlow", nioCore, log,
      ]),
    room(
      "Delivery",
      ["Platform", "Configuration", "Message", "Accounts", "Store", "MailFlow", "MailAuthentication", log]),
    room(
      "IMAP",
      ["Platform", "Configuration", "Message", "Network", "Accounts", "Store", "MailFlow", nioCore, log]),
    room(
      "Administration",
      [
        "Platform", "Configuration", "Message", "Network", "Resolver", "Accounts", "Store", "MailAuthentication",
        "MailFlow", nioCore, nioPosix, log,
      ]),

    // Floor 5
    room(
      "Postroom",
      [
        "Platform", "Configuration", "Message", "Network", "Resolver", "Store", "SMTP", "Accounts", "MailFlow",
        "MailAuthentication", "Reception", "Submission", "Relay", "Filtering", "Delivery", "IMAP", "Administration",
        nioCore, nioPosix, log, lifecycle,
      ]),

    // Floor 6. The target cannot be called `postroom`: module names must differ in more than case.
    .executableTarget(
      name: "postroom-cli",
      dependencies: [
        "Postroom", "Administration", "Configuration", "Filtering", "MailAuthentication", "MailFlow", "Submission",
        "Relay",
        "Resolver", "SMTP", "Message", "Network", "Store", "Platform", nioPosix, arguments, lifecycle, signals, log,
      ],
      path: "Sources/postroom", swiftSettings: swift),

    // Measures the classifier: Benchmarks/classifier/run.
    .executableTarget(
      name: "classifier-trial", dependencies: ["Filtering"], path: "Benchmarks/classifier/trial", swiftSettings: swift),

    // A disk that fails, for tests.
    .target(name: "FaultyDisk", dependencies: ["CSQLite"], path: "Tests/FaultyDisk", swiftSettings: swift),

    // A real name server, for tests.
    .target(name: "NameServer", path: "Tests/NameServer", swiftSettings: swift),

    tests("Platform"),
    tests("Configuration", ["Platform"]),
    tests("Message", ["Platform"]),
    tests("Network", ["Platform", nioCore, nioPosix, nioEmbedded, log]),
    tests("Store", ["Platform", "CSQLite", "FaultyDisk"]),
    tests("Resolver", ["Platform", "NameServer", log]),
    tests("SMTP", ["Platform", "Message"]),
    tests("MailAuthentication", ["Platform", "Message", "Resolver", "Store"]),
    tests("Accounts", ["Platform", "Configuration", "Store", "Message", log]),
    tests("MailFlow", ["Platform", "Configuration", "Store", "Message", "FaultyDisk"]),
    tests(
      "Reception",
      [
        "Platform", "Configuration", "Store", "Message", "Network", "SMTP", "Accounts", "MailFlow", "Delivery",
        "Submission", nioCore, nioPosix,
      ]),
    tests(
      "Submission", ["Platform", "Configuration", "Store", "Message", "SMTP", "Accounts", "MailFlow", "Reception"]),
    tests(
      "Relay",
      [
        "Platform", "Configuration", "Store", "Message", "SMTP", "Accounts", "MailFlow", "MailAuthentication",
        "Network", "Reception", "Resolver", "NameServer", nioPosix, log,
      ]),
    tests(
      "Filtering",
      [
        "Platform", "Configuration", "Store", "Message", "Resolver", "MailAuthentication", "MailFlow", "Network",
        nioCore, nioPosix, log,
      ]),
    tests(
      "Delivery", ["Platform", "Configuration", "Store", "Message", "Accounts", "MailFlow", "MailAuthentication"]),
    tests(
      "IMAP",
      ["Platform", "Configuration", "Store", "Message", "Accounts", "MailFlow", "Network", nioCore, nioPosix, log]),
    tests(
      "Administration",
      ["Platform", "Configuration", "Store", "MailFlow", "Accounts", "Message", nioCore, nioPosix, log]),
    tests("Postroom", ["Platform", "Configuration", "Store", "Message", "Network", nioPosix, log, lifecycle]),
    fuzz([
      "Platform", "Configuration", "Message", "Network", "Resolver", "Store", "SMTP", "Accounts", "MailFlow",
      "MailAuthentication", "Filtering", "IMAP", nioCore, log,
    ]),
    .testTarget(name: "EndToEnd", dependencies: ["Postroom", "Platform", "NameServer"], swiftSettings: swift),
  ],
  cxxLanguageStandard: .cxx17
)
