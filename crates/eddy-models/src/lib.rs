//! One file per detector, and the list.
