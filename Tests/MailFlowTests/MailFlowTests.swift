import Testing

@testable import MailFlow
