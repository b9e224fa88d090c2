// Postroom
