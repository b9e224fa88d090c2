import Configuration
import MailFlow
import Message
import Platform

@testable import Delivery

/// A small office: three people, an alias, groups (one with an outside member), a second domain with a catch-all.
func office(_ more: String = "", forwarding: Bool = true, generation: UInt64 = 1) throws -> Configuration {
  try Configuration(
    text: """
      hostname = "mail.office.example"
      postmaster = "anna"
      [[domain]]
      name = "office.example"
      [[domain]]
      name = "shop.example"
      catch-all = "bert"
      [[account]]
      name = "anna"
      addresses = ["anna@office.example", "a.meier@office.example", "anna@shop.example"]
      [[account]]
      name = "bert"
      addresses = ["bert@office.example"]
      quota = "1 MiB"
      [[account]]
      name = "carl"
      addresses = ["carl@office.example"]
      quota = "1 MiB"
      [[alias]]
      address = "info@office.example"
      to = ["anna"]
      [[alias]]
      address = "both@office.example"
      to = ["bert", "carl"]
      [[group]]
      address = "staff@office.example"
      members = ["anna", "bert", "both@office.example"\(forwarding ? ", \"helper@elsewhere.example\"" : "")]
      \(forwarding ? "[[alias]]\naddress = \"away@office.example\"\nto = [\"me@private.example\"]" : "")
      [delivery]
      forward-unauthenticated = \(forwarding)
      [smart-host]
      host = "smtp.provider.example"
      [[device]]
      name = "scanner"
      networks = ["192.0.2.7"]
      account = "anna"
      [[device]]
      name = "fax"
      networks = ["192.0.2.8"]
      account = "anna"
      reach = "outside"
      \(more)
      """, generation: generation)
}

func delivery(_ configuration: Configuration, used: [String: Int] = [:]) -> Delivery {
  Delivery(configuration: { configuration }, usage: { used[$0] ?? 0 })
}

func address(_ text: String) throws -> EmailAddress {
  guard let address = EmailAddress(text) else { throw NoAddress(text: text) }
  return address
}

struct NoAddress: Error { let text: String }

func envelope(
  _ recipients: [String], origin: Origin = .mx, from: String? = "someone@outside.example", device: String? = nil
) throws -> Envelope {
  Envelope(
    origin: origin, reversePath: try from.map(address),
    recipients: try recipients.map { EnvelopeRecipient(try address($0)) },
    device: device, receivedAt: Moment(seconds: 1_800_000_000))
}

extension Delivery {
  func plan(
    _ recipients: [String], origin: Origin = .mx, size: Int = 1000, deliveredTo: [String] = [],
    verdicts: [Verdict]? = nil, device: String? = nil
  ) async throws -> Plan {
    let envelope = try envelope(recipients, origin: origin, device: device)
    return try await plan(
      PlannedMessage(
        envelope: envelope, size: size, deliveredTo: try deliveredTo.map(address),
        verdicts: verdicts ?? recipients.map { _ in .accept }))
  }

  func resolve(
    _ text: String, origin: Origin = .mx, size: Int? = nil, device: String? = nil
  ) async throws -> Resolution {
    await resolve(try address(text), for: try envelope([], origin: origin, device: device), declaredSize: size)
  }
}

/// Who gets a copy by a plan, and through what.
func copies(_ plan: Plan) -> [String] { plan.recipients.flatMap { copies($0.fate) }.sorted() }

private func copies(_ fate: Fate) -> [String] {
  switch fate {
  case .deliver(let filing): ["\(filing.account) \(filing.folder) \(filing.deliveredTo)"]
  case .queue(let destination): ["→ \(destination)"]
  case .expand(let children): children.flatMap { copies($0.fate) }
  default: []
  }
}
