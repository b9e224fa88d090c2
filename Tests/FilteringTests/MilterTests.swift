import Message
import Synchronization
import Testing

@testable import Configuration
@testable import Filtering
@testable import MailFlow

@Suite("Milters") struct MilterTests {
  /// A filter that notes what it is told, and answers a command with what the test says, or else with "go on".
  ///
  /// - Parameter answers: by the command as it is noted, or by its letter alone.
  private static func filter(
    steps: UInt32 = 0, _ answers: [String: [[UInt8]]], seen: Log = Log()
  ) -> FakeHelper {
    FakeHelper { socket in
      while true {
        let length = socket.read(4)
        guard length.count == 4 else { return }
        let packet = socket.read(Int(MilterPacket.number(length)))
        guard let code = packet.first else { return }
        let command = Character(Unicode.Scalar(code))
        let told = "\(command)\(String(decoding: packet.dropFirst().map { $0 == 0 ? 0x7C : $0 }, as: UTF8.self))"
        seen.add(told)
        switch command {
        case "O":
          socket.write(
            MilterPacket.encode(
              "O", MilterPacket.number(6) + MilterPacket.number(0x31) + MilterPacket.number(steps)))
        case "D": break
        case "Q": return
        default:
          for answer in answers[told] ?? answers["\(command)"] ?? [MilterPacket.encode("c")] { socket.write(answer) }
        }
      }
    }
  }

  final class Log: Sendable {
    private let lines = Mutex<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
  }

  private func examine(
    _ place: String, _ content: ReceivedContent, to recipients: [String] = ["anna@office.example"],
    limit: Duration = .seconds(60), whenDown: Configuration.Milter.WhenDown = .defer
  ) async throws -> CheckFindings {
    let message = try Content.judged(content, to: recipients) {
      $0.milters = [
        Configuration.Milter(
          name: "test", place: .local(path: place), timeLimit: limit, whenDown: whenDown, includesOwn: false)
      ]
    }
    let check = MilterCheck(helper: FakeHelper.helper)
    #expect(check.applies(to: message))
    return await check.examine(message)
  }

  private let content = Content.received("From: a@b.example\nSubject: x\n folded\n\nhello\n")

  @Test func everyStepIsTold() async throws {
    let seen = Log()
    let filter = Self.filter([:], seen: seen)
    let findings = try await examine(filter.path, content, to: ["anna@office.example", "bert@office.example"])
    #expect(findings.common.demands.isEmpty && findings.own.isEmpty)
    let told = seen.all.filter { !$0.hasPrefix("D") && !$0.hasPrefix("O") }
    #expect(
      told == [
        "C[192.0.2.7]|4||192.0.2.7|", "Hclient.example|", "M<eve@elsewhere.example>|", "R<anna@office.example>|",
        "R<bert@office.example>|", "T", "LFrom|a@b.example|", "LSubject|x\n folded|", "N", "Bhello\r\n", "E", "Q",
      ])
  }

  @Test func whatAFilterDoesNotWantIsNotTold() async throws {
    let seen = Log()
    // No connect, helo, body; silent header.
    let filter = Self.filter(steps: 0x1 | 0x2 | 0x10 | 0x80, ["L": []], seen: seen)
    _ = try await examine(filter.path, content)
    #expect(Set(seen.all.compactMap(\.first)).isDisjoint(with: ["C", "H", "B"]))
    #expect(seen.all.last == "Q")
  }

  @Test(arguments: [
    (MilterPacket.encode("r"), 4), (MilterPacket.encode("t"), 3), (MilterPacket.encode("d"), 5),
    (MilterPacket.encode("y", Array("554 5.6.0 go away\0".utf8)), 4),
    (MilterPacket.encode("y", Array("450 later\0".utf8)), 3),
  ])
  func refusalsAreObeyed(_ answer: [UInt8], _ weight: Int) async throws {
    let filter = Self.filter(["E": [answer]])
    #expect(try await examine(filter.path, content).common.demands.map(\.weight) == [weight])
  }

  @Test func oneRecipientCanBeRefusedAlone() async throws {
    let filter = Self.filter(["R<anna@office.example>|": [MilterPacket.encode("r")]])
    let findings = try await examine(filter.path, content, to: ["anna@office.example", "bert@office.example"])
    #expect(findings.own[0]?.demands.map(\.weight) == [4] && findings.own[1] == nil)
    #expect(findings.common.demands.isEmpty)
  }

  @Test func whatIsSaidTwiceIsDoneOnce() async throws {
    let quarantine = MilterPacket.encode("q", Array("doubtful\0".utf8))
    let filter = Self.filter(["E": [quarantine, quarantine, quarantine, MilterPacket.encode("c")]])
    let opinion = try await examine(filter.path, content).common
    #expect(opinion.demands == [.quarantine(reason: "milter test: doubtful")])
    #expect(opinion.factors.count == 1)
  }

  @Test func headersAreChangedAndBodiesAreNot() async throws {
    let filter = Self.filter(
      [
        "E": [
          MilterPacket.encode("h", Array("X-Seen\0by the\n\tfilter\0".utf8)),
          MilterPacket.encode("m", [0, 0, 0, 1] + Array("Subject\0changed\0".utf8)),
          MilterPacket.encode("m", [0, 0, 0, 1] + Array("X-Gone\0\0".utf8)),
          MilterPacket.encode("i", [0, 0, 0, 0] + Array("X-Top\0t\0".utf8)),
          MilterPacket.encode("h", Array("X-Postroom-Rule\0forged\0".utf8)),
          MilterPacket.encode("b", Array("another body".utf8)), MilterPacket.encode("p"),
          MilterPacket.encode("q", Array("doubtful\0".utf8)), MilterPacket.encode("c"),
        ]
      ])
    let opinion = try await examine(filter.path, content).common
    #expect(opinion.fields == [Tag.Field("X-Seen", "by the filter"), Tag.Field("X-Top", "t")])
    #expect(
      opinion.edits == [Tag.Edit("Subject", number: 1, value: "changed"), Tag.Edit("X-Gone", number: 1, value: nil)])
    #expect(opinion.demands.map(\.weight) == [2])
    #expect(opinion.factors.contains { $0.reason.contains("replace the body") })
  }

  @Test func oneThatIsDownOrHangsOrTalksNonsense() async throws {
    #expect(try await examine("/nowhere/milter", content).common.demands.map(\.weight) == [3])
    #expect(try await examine("/nowhere/milter", content, whenDown: .accept).common.demands.isEmpty)
    let hanging = FakeHelper { socket in _ = socket.read(1 << 30) }
    let hung = try await examine(hanging.path, content, limit: .milliseconds(200), whenDown: .quarantine)
    #expect(hung.common.demands.map(\.weight) == [2])
    let nonsense = FakeHelper { socket in
      socket.write([0xFF, 0xFF, 0xFF, 0xFF, 0x41])
      _ = socket.read(1 << 30)
    }
    #expect(try await examine(nonsense.path, content).common.demands.map(\.weight) == [3])
    let old = Self.old()
    #expect(try await examine(old.path, content).common.factors.first?.reason.contains("version 9") == true)
  }

  private static func old() -> FakeHelper {
    FakeHelper { socket in
      socket.write(MilterPacket.encode("O", [0, 0, 0, 9] + [UInt8](repeating: 0, count: 8)))
      _ = socket.read(1 << 30)
    }
  }
}
