import Testing

@testable import Reception
