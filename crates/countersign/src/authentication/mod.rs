//! The authentication service of RFC 8224 §6.1: may we speak for this caller, how firmly, and in what words?
//!
//! What lives here: a tenant's numbers ([`inventory`]).

pub mod inventory;

pub use inventory::{Basis, Inventory, InventoryError};
