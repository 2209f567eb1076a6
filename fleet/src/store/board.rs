//! What the board asks of the database, and writes into it.
