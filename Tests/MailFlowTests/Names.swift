import MailFlow

/// `Tag` is a name of Swift Testing's too; this file does not import that.
typealias Marking = Tag
