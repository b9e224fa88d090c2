import Testing

@testable import IMAP

#if canImport(Glibc)
  import Glibc
#endif

/// The server against the model: random commands from several sessions.
///
/// `POSTROOM_MODEL_COMMANDS` (for each seed), `POSTROOM_MODEL_SEEDS` and `POSTROOM_MODEL_SEED` make it longer, or the
/// same again.
@Suite(.timeLimit(.minutes(30))) struct ModelTests {
  private static func environment(_ name: String) -> UInt64? {
    getenv(name).flatMap { UInt64(String(cString: $0)) }
  }

  private static let commands = Int(environment("POSTROOM_MODEL_COMMANDS") ?? 600)
  private static let seeds: [UInt64] = {
    if let seed = environment("POSTROOM_MODEL_SEED") { return [seed] }
    return (0..<(environment("POSTROOM_MODEL_SEEDS") ?? 8)).map { _ in UInt64.random(in: 0..<1 << 32) }
  }()

  @Test(arguments: seeds) func theServerIsAsTheModel(seed: UInt64) async throws {
    print("IMAP model: seed \(seed), \(Self.commands) commands")
    if let found = try await Self.mismatch(seed: seed, commands: Self.commands) {
      Issue.record("With POSTROOM_MODEL_SEED=\(seed): \(found)")
    }
  }

  /// Runs until something is wrong, and says what.
  private static func mismatch(
    seed: UInt64, commands: Int, tamper: (@Sendable (String) -> String)? = nil
  ) async throws -> String? {
    let office = try await TestOffice()
    var run = try await ModelRun(office, seed: seed, clients: 4)
    run.tamper = tamper
    var found: String?
    do {
      while run.carriedOut < commands { try await run.step() }
    } catch let mismatch as Mismatch {
      found = "command \(run.carriedOut): \(mismatch)\n\(run.transcript.suffix(40).joined(separator: "\n"))"
    }
    await office.close()
    return found
  }

  /// All at once.
  @Test(arguments: seeds) func aStormLeavesAllWithTheSame(seed: UInt64) async throws {
    let office = try await TestOffice()
    var storm = try await ModelStorm(office, seed: seed, clients: 4)
    do {
      while storm.answers < Self.commands {
        try await storm.round(commands: 12)
        try await storm.settle()
      }
    } catch let mismatch as Mismatch {
      Issue.record("In a storm, with POSTROOM_MODEL_SEED=\(seed): \(mismatch)")
    }
    await office.close()
  }

  /// A wrong answer, put in after the server's right one.
  enum Lie: String, CaseIterable, Sendable {
    case expungeIsKeptSilent, expungeOfAnother, existsTooMany, existsIsKeptSilent, fetchOfAnother, flagsOfAnother
    case changedFlagsAreKeptSilent, copyUID, uidNext, modified, modSeqThatFalls, searchWithoutTheLast, unseen, text

    func tell(_ text: String) -> String {
      var lines = text.split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
      switch self {
      case .expungeIsKeptSilent: lines.removeFirst { $0.hasSuffix(" EXPUNGE") }
      case .expungeOfAnother: lines.changeNumber { $0.hasSuffix(" EXPUNGE") }
      case .existsTooMany: lines.changeNumber { $0.hasSuffix(" EXISTS") }
      case .existsIsKeptSilent: lines.removeFirst { $0.hasSuffix(" EXISTS") }
      case .fetchOfAnother: lines.changeNumber { $0.contains(" FETCH (") }
      case .flagsOfAnother:
        lines.change {
          $0.contains(" FETCH (")
        } by: {
          $0.replacing("\\Seen", with: "\\Draft")
        }
      case .changedFlagsAreKeptSilent: lines.removeFirst { $0.contains(" FETCH (UID ") && $0.hasSuffix("))") }
      case .copyUID:
        lines.change {
          $0.contains("COPYUID")
        } by: {
          $0.replacing("] ", with: "1] ")
        }
      case .uidNext:
        lines.change {
          $0.contains("UIDNEXT")
        } by: {
          $0.replacing("UIDNEXT ", with: "UIDNEXT 1")
        }
      case .modified:
        lines.change {
          $0.contains("[MODIFIED ")
        } by: {
          $0.replacing("MODIFIED", with: "X")
        }
      case .modSeqThatFalls:
        lines.change {
          $0.contains("MODSEQ (")
        } by: {
          $0.replacing("MODSEQ (", with: "MODSEQ (9")
        }
      case .searchWithoutTheLast:
        lines.change {
          $0.hasPrefix("* SEARCH ") && !$0.hasSuffix(")")
        } by: {
          $0.split(separator: " ").dropLast().joined(separator: " ")
        }
      case .unseen:
        lines.change {
          $0.contains("UNSEEN ")
        } by: {
          $0.replacing("UNSEEN ", with: "UNSEEN 1")
        }
      case .text:
        lines.change {
          $0.hasPrefix("Text ")
        } by: {
          $0.replacing("Text", with: "Next")
        }
      }
      return lines.joined(separator: "\r\n")
    }
  }

  /// The model can fail: each of these lies is found.
  @Test(arguments: Lie.allCases) func aWrongAnswerIsFound(lie: Lie) async throws {
    let found = try await Self.mismatch(seed: 7, commands: 2000) { lie.tell($0) }
    #expect(found != nil, "nobody noticed: \(lie)")
  }
}

extension [String] {
  fileprivate mutating func removeFirst(where isMeant: (String) -> Bool) {
    if let index = firstIndex(where: isMeant) { remove(at: index) }
  }

  fileprivate mutating func change(where isMeant: (String) -> Bool, by change: (String) -> String) {
    if let index = firstIndex(where: isMeant) { self[index] = change(self[index]) }
  }

  /// `* 3 …` becomes `* 4 …`.
  fileprivate mutating func changeNumber(where isMeant: (String) -> Bool) {
    change(where: isMeant) { line in
      var words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
      if words.count > 1, let number = Int(words[1]) { words[1] = "\(number + 1)" }
      return words.joined(separator: " ")
    }
  }
}
