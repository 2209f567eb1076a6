//! Fills a folder with the database of a simulated fleet, to look at the board: `cargo run --example seed -- FOLDER [NODES]`.
//!
//! Tokens to sign in with are `look` and, for an operator, `keep`: it is a toy.

mod database;
mod node;
mod series;

use std::path::PathBuf;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("usage: seed FOLDER [NODES]")?);
    let count = arguments.next().map_or(Ok(250), |count| count.parse())?;
    let now = jiff::Timestamp::now();
    database::seed(&folder, count, now, "look", "keep")?;
    series::tell(&folder, now).await
}
