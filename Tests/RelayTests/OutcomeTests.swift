import SMTP
import Testing

@testable import Relay

@Suite("What a transaction came to")
struct OutcomeTests {
  func reply(_ text: String) -> Reply {
    let words = text.split(separator: " ", maxSplits: 2).map(String.init)
    return words.count > 1 && EnhancedCode(words[1]) != nil
      ? Reply(Int(words[0])!, words[1], words.count > 2 ? words[2] : "")
      : Reply(Int(words[0])!, nil, words.dropFirst().joined(separator: " "))
  }

  func outcomes(_ results: [RecipientResult]) -> [Outcome] {
    Judgement.outcomes(TransactionOutcome(results: results, serverHasDSN: true))
  }

  @Test func eachRecipientHasItsOwn() {
    let taken = reply("250 2.0.0 kept")
    let unknown = reply("550 5.1.1 unknown")
    let grey = reply("450 4.7.1 greylisted")
    #expect(
      outcomes([.accepted(taken), .refused(unknown), .refused(grey)])
        == [.relayed(Word(taken)), .failed(Word(unknown)), .deferred(Word(grey))])
  }

  @Test func anEnhancedCodeOfAnotherClassIsNotBelieved() {
    #expect(Word(reply("550 2.0.0 odd")).status == EnhancedCode(5, 0, 0))
    #expect(Word(reply("450 5.7.1 odd")).status == EnhancedCode(4, 0, 0))
    #expect(Word(reply("550 5.7.26 unauthenticated")).status == EnhancedCode(5, 7, 26))
    // The reply's class decides, not the enhanced code's: 450 5.7.1 waits.
    #expect(outcomes([.refused(reply("450 5.7.1 odd"))]) == [.deferred(Word(reply("450 5.7.1 odd")))])
  }

  @Test func tooManyRecipientsIsNoRefusal() {
    let taken = RecipientResult.accepted(reply("250 ok"))
    for text in ["452 too many", "452 4.5.3 too many", "552 5.5.3 too many"] {
      #expect(outcomes([taken, .refused(reply(text))]).last == .again, "\(text)")
    }
    // After a lost connection too: those others may be there.
    #expect(outcomes([.uncertain("gone"), .refused(reply("452 4.5.3 too many"))]).last == .again)
  }

  @Test func aSoleRecipientIsNeverOneTooMany() {
    // It would be offered again without end.
    #expect(outcomes([.refused(reply("452 too many"))]) == [.deferred(Word(reply("452 too many")))])
  }

  @Test func aFullMailboxOrDiskIsThatOfOneRecipient() {
    let taken = RecipientResult.accepted(reply("250 ok"))
    #expect(outcomes([taken, .refused(reply("452 4.2.2 full"))]).last == .deferred(Word(reply("452 4.2.2 full"))))
    #expect(outcomes([taken, .refused(reply("552 5.2.2 full"))]).last == .failed(Word(reply("552 5.2.2 full"))))
    #expect(outcomes([taken, .refused(reply("552 too large"))]).last == .failed(Word(reply("552 too large"))))
  }

  @Test func lostIsNotUncertain() {
    guard case .deferred(let lost)? = outcomes([.lost("reset")]).first,
      case .uncertain(let uncertain)? = outcomes([.uncertain("reset")]).first
    else {
      Issue.record("both wait, in their own ways")
      return
    }
    #expect(lost.status == EnhancedCode(4, 4, 2) && !lost.isRemote && lost.text.contains("reset"))
    #expect(uncertain.text.contains("may have it"))
  }

  @Test func whatTheServerCannotTakeFailsInOurWords() {
    guard case .failed(let word)? = outcomes([.incapable(reply("554 5.6.3 no 8BITMIME there"))]).first else {
      Issue.record("it must fail")
      return
    }
    #expect(word.status == EnhancedCode(5, 6, 3) && !word.isRemote && word.text == "no 8BITMIME there")
  }

  @Test func nonsenseWaits() {
    for text in ["250 what", "399 hm", "150 hm"] {
      guard case .deferred(let word)? = outcomes([.refused(reply(text))]).first else {
        Issue.record("\(text) must wait")
        continue
      }
      #expect(!word.isRemote && word.text.contains(text))
    }
  }
}
