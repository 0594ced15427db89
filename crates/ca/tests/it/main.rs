//! What the certification authority issues, judged by the verifier of this project and by other people's tools.

mod path_to_an_anchor;
