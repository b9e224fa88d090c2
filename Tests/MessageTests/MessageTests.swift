import Testing

@testable import Message
