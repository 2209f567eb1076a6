//! Container engines: where they listen, what they hold.

mod client;
mod elements;
mod lenient;
mod text;

pub use client::{Body, Bounds, Client, Component, EngineError, List, Platform, Version};
