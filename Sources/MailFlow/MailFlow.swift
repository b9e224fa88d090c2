// MailFlow
