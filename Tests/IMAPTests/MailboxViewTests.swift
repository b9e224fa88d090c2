import Testing

@testable import IMAP
@testable import Store

@Suite struct MailboxViewTests {
  private func view(_ uids: [UID], recentFrom: UID = .max, keywords: [String] = []) -> MailboxView {
    MailboxView(
      id: MailboxID(1), uidValidity: 7, uids: uids, uidNext: (uids.last ?? 0) + 1, modSeq: 10,
      keywords: Keywords(names: keywords), recentFrom: recentFrom, isReadOnly: false)
  }

  private func changed(_ uid: UID, _ flags: Flags, _ modSeq: ModSeq) -> EntryFlags {
    EntryFlags(uid: uid, flags: flags, modSeq: modSeq)
  }

  private func set(_ text: String) throws -> SequenceSet {
    var scanner = Scanner(Array(text.utf8))
    return try scanner.sequenceSet()
  }

  @Test func sequenceNumbersAndUIDs() throws {
    let view = view([3, 5, 9, 12])
    #expect(view.sequence(of: 9) == 3)
    #expect(view.sequence(of: 4) == nil)
    #expect(view.uids(ofSequence: try set("2:3"))?.description == "5,9")
    #expect(view.uids(ofSequence: try set("*"))?.description == "12")
    #expect(view.uids(ofSequence: try set("5")) == nil)
    #expect(view.uids(ofUIDs: try set("4:10")).description == "5,9")
    // A range up to * always has the last message (RFC 9051 §6.4.9).
    #expect(view.uids(ofUIDs: try set("99:*")).description == "12")
    #expect(view.uids(ofUIDs: try set("1,2")).isEmpty)
    #expect(view.sequences(of: UIDSet([3, 12, 13])) == [1, 4])
    #expect(view.uids(ofSequenceLeniently: try set("3:99")).description == "9,12")
  }

  @Test func anEmptyMailboxHasNoNumbers() throws {
    let empty = view([])
    #expect(empty.uids(ofSequence: try set("1:*")) == nil)
    #expect(empty.uids(ofUIDs: try set("1:*")).isEmpty)
    #expect(empty.uids(ofSequenceLeniently: try set("1:*")).isEmpty)
  }

  @Test func newMessagesAreAnnouncedOnce() {
    var view = view([1, 2])
    view.takeIn(
      changed: [changed(3, [], 11), changed(4, .seen, 12)], expunged: UIDSet(), keywords: Keywords(), uidNext: 5,
      modSeq: 12)
    let told1 = view.updates(expunging: false)
    #expect(told1 == [.exists(4)])
    let told2 = view.updates(expunging: true)
    #expect(told2 == [])
    #expect(view.modSeq == 12)
  }

  @Test func expungesWaitUntilTheyMayBeSaid() throws {
    var view = view([1, 2, 3, 4, 5])
    view.takeIn(
      changed: [changed(6, [], 12)], expunged: UIDSet([2, 4]), keywords: Keywords(), uidNext: 7, modSeq: 12)
    // EXISTS may grow; nothing may shrink, and every number still means what it meant.
    let told3 = view.updates(expunging: false)
    #expect(told3 == [.exists(6)])
    #expect(view.sequence(of: 5) == 5)
    #expect(view.isGone(2) && view.isGone(4) && !view.isGone(3))
    let told4 = view.updates(expunging: true)
    #expect(told4 == [.expunge(sequence: 4), .expunge(sequence: 2)])
    #expect(view.uids == [1, 3, 5, 6])
    #expect(view.sequence(of: 5) == 3)
  }

  /// A client must never hear an EXPUNGE of a message that it never heard of, nor an EXISTS that shrinks.
  @Test func aMessageThatCameAndWentIsNeverMentioned() {
    var view = view([1, 2])
    view.takeIn(changed: [changed(3, [], 11)], expunged: UIDSet(), keywords: Keywords(), uidNext: 4, modSeq: 11)
    view.takeIn(changed: [changed(4, [], 12)], expunged: UIDSet([1, 3]), keywords: Keywords(), uidNext: 5, modSeq: 13)
    let told5 = view.updates(expunging: true)
    #expect(told5 == [.expunge(sequence: 1), .exists(2)])
    #expect(view.uids == [2, 4])
  }

  @Test func expungedTwiceIsSaidOnce() {
    var view = view([1, 2, 3])
    view.takeIn(changed: [], expunged: UIDSet([2]), keywords: Keywords(), uidNext: 4, modSeq: 11)
    view.takeIn(changed: [], expunged: UIDSet([2, 3, 99]), keywords: Keywords(), uidNext: 4, modSeq: 12)
    let told6 = view.updates(expunging: true)
    #expect(told6 == [.expunge(sequence: 3), .expunge(sequence: 2)])
  }

  @Test func changedFlagsAreToldOnceUnlessTheClientKnowsThem() {
    var view = view([1, 2, 3])
    let news = [changed(1, .seen, 11), changed(2, .flagged, 12), changed(3, .deleted, 13)]
    view.takeIn(changed: news, expunged: UIDSet(), keywords: Keywords(), uidNext: 4, modSeq: 13)
    view.markTold([1, 2], upTo: 11)
    let told7 = view.updates(expunging: false)
    #expect(told7 == [.flags(sequence: 2, news[1]), .flags(sequence: 3, news[2])])
    let told8 = view.updates(expunging: true)
    #expect(told8 == [])
  }

  @Test func flagsOfAnExpungedMessageAreNotTold() {
    var view = view([1, 2])
    view.takeIn(changed: [changed(2, .seen, 11)], expunged: UIDSet(), keywords: Keywords(), uidNext: 3, modSeq: 11)
    view.takeIn(changed: [], expunged: UIDSet([2]), keywords: Keywords(), uidNext: 3, modSeq: 12)
    let told9 = view.updates(expunging: false)
    #expect(told9 == [])
    let told10 = view.updates(expunging: true)
    #expect(told10 == [.expunge(sequence: 2)])
  }

  @Test func newKeywordsAreAnnouncedBeforeTheyAreUsed() {
    var view = view([1])
    let news = changed(1, .keyword(0), 11)
    view.takeIn(
      changed: [news], expunged: UIDSet(), keywords: Keywords(names: ["$Forwarded"]), uidNext: 2, modSeq: 11)
    let told11 = view.updates(expunging: false)
    #expect(told11 == [.flagsList, .flags(sequence: 1, news)])
  }

  @Test func recentMessagesAreCounted() {
    var view = view([1, 2, 3], recentFrom: 3)
    #expect(view.recentCount == 1)
    #expect(view.isRecent(3) && !view.isRecent(2))
    view.takeIn(changed: [changed(4, [], 11)], expunged: UIDSet(), keywords: Keywords(), uidNext: 5, modSeq: 11)
    let told12 = view.updates(expunging: true)
    #expect(told12 == [.exists(4), .recent(2)])
  }

  @Test func theSavedResultLosesExpungedMessages() throws {
    var view = view([1, 2, 3])
    view.save(UIDSet([2, 3]))
    view.takeIn(changed: [], expunged: UIDSet([2]), keywords: Keywords(), uidNext: 4, modSeq: 11)
    _ = view.updates(expunging: true)
    #expect(view.uids(ofSequence: try set("$"))?.description == "3")
    #expect(view.uids(ofUIDs: try set("$,1")).description == "1,3")
  }

  /// Whatever happens in whatever order, a client that applies what it is told has what the server has.
  @Test func aClientThatListensHasTheSameMailbox() {
    var generator = SplitMix(seed: 5)
    for _ in 0..<300 {
      var there = (1...UID.random(in: 1...8, using: &generator)).map { $0 }
      var view = view(there)
      var client = there.count
      var (next, modSeq) = ((there.last ?? 0) + 1, ModSeq(10))
      for _ in 0..<20 {
        var (news, gone) = ([EntryFlags](), UIDSet())
        for _ in 0..<Int.random(in: 0...3, using: &generator) {
          modSeq += 1
          there.append(next)
          news.append(changed(next, [], modSeq))
          next += 1
        }
        for _ in 0..<Int.random(in: 0...3, using: &generator) where !there.isEmpty {
          modSeq += 1
          let uid = there.remove(at: Int.random(in: 0..<there.count, using: &generator))
          gone.insert(uid)
          news.removeAll { $0.uid == uid }
        }
        view.takeIn(changed: news, expunged: gone, keywords: Keywords(), uidNext: next, modSeq: modSeq)
        let expunging = Bool.random(using: &generator)
        for update in view.updates(expunging: expunging) {
          switch update {
          case .exists(let count):
            #expect(count >= client)
            client = count
          case .expunge(let sequence):
            #expect(sequence >= 1 && sequence <= client)
            client -= 1
          default: break
          }
        }
        #expect(client == view.count)
        if expunging { #expect(view.uids == there) }
      }
    }
  }
}
