/// The version of this Postroom.
public let postroomVersion = "0.1.0"
