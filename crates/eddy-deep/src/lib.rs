//! Neural detectors: one file each, on small kernels of their own.
//!
//! `matrix`, `activation` and `adam` are all the arithmetic there is; `dense` and `series_net` make nets of it, and
//! `training` teaches them. Bits depend on the seed alone: not on the processor, nor on the number of threads.

mod activation;
mod adam;
mod autoencoder;
mod cell;
mod correlation_clusters;
mod dense;
mod gru_autoencoder;
mod kitnet;
mod lstm_autoencoder;
mod matrix;
mod mlp;
mod reconstruction;
mod series_autoencoder;
mod series_net;
mod standard;
mod stream;
mod tied;
mod training;

pub use autoencoder::Autoencoder;
pub use gru_autoencoder::GruAutoencoder;
pub use kitnet::Kitnet;
pub use lstm_autoencoder::LstmAutoencoder;
pub use mlp::Mlp;
