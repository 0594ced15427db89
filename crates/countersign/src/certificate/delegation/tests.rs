//! One list within another, asked of those who know and of those who do not.
