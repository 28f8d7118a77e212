//! Parts that are not there, fail, and come back.
