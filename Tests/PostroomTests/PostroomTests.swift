import Testing

@testable import Postroom
