/// The version of the appliance, as `postroom version` and the status screen tell it.
public let postroomVersion = "0.1.0"
