import Filtering

#if canImport(Glibc)
  import Glibc
#endif

/// Learns and judges files for `Benchmarks/classifier/run`. Input: lines `ham PATH`, `spam PATH`, then `test PATH`. Output: for
/// each test a number (more is more spam) and the score that the appliance would give. With `--time`: what one judgement costs.
@main
struct Trial {
  static func main() {
    var trial = ClassifierTrial()
    var judged: [[UInt8]] = []
    while let line = readLine() {
      let parts = line.split(separator: " ", maxSplits: 1)
      guard parts.count == 2, let bytes = file(String(parts[1])) else {
        complain("classifier-trial: cannot read \(line)")
        exit(1)
      }
      switch parts[0] {
      case "test":
        let message = MessageTokens(message: bytes)
        print(trial.rank(message), trial.score(message))
        judged.append(bytes)
      default: trial.learn(MessageTokens(message: bytes), isSpam: parts[0] == "spam")
      }
    }
    if CommandLine.arguments.contains("--time"), !judged.isEmpty { time(trial, judged) }
  }

  /// CPU of tokens and judgement in microseconds (what POSIX makes clock() count in), a message, for all and for those of about 4 KiB.
  private static func time(_ trial: ClassifierTrial, _ messages: [[UInt8]]) {
    for (name, chosen) in [("all", messages), ("about 4 KiB", messages.filter { (3500...4700).contains($0.count) })] {
      guard !chosen.isEmpty else { continue }
      let start = clock()
      var sum = 0.0
      for message in chosen { sum += trial.rank(MessageTokens(message: message)) }
      let each = Double(clock() - start) / Double(chosen.count)
      complain(
        "\(name): \(Int(each)) µs of CPU a message, \(chosen.count) messages, mean rank \(sum / Double(chosen.count))")
    }
  }

  private static func complain(_ text: String) {
    let bytes = Array((text + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
  }

  private static func file(_ path: String) -> [UInt8]? {
    guard let stream = fopen(path, "rb") else { return nil }
    defer { fclose(stream) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&piece, 1, piece.count, stream)
      if count == 0 { return bytes }
      bytes += piece[..<count]
    }
  }
}
