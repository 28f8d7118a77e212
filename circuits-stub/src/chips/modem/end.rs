//! How commands end.

/// How a command line ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    Ok,
    NoCarrier,
    /// It is no command, or not with this parameter.
    Error,
    /// +CME ERROR: the equipment or the network cannot.
    Equipment(u16),
    /// +CMS ERROR: the same for messages.
    Message(u16),
    /// Not yet: the text of a message is to come.
    Prompt {
        to: String,
    },
}

/// Of +CME ERROR (TS 27.007, section 9.2).
pub(super) const OPERATION_NOT_ALLOWED: u16 = 3;
pub(super) const NOT_INSERTED: u16 = 10;
pub(super) const PIN_REQUIRED: u16 = 11;
pub(super) const INCORRECT_PASSWORD: u16 = 16;
pub(super) const INCORRECT_PARAMETERS: u16 = 50;
/// Of +CMS ERROR (TS 27.005, section 3.2.5).
pub(super) const NOT_ALLOWED: u16 = 302;
pub(super) const NOT_SUPPORTED: u16 = 303;
pub(super) const INVALID_TEXT: u16 = 305;
pub(super) const SIM_NOT_INSERTED: u16 = 310;
pub(super) const SIM_PIN_REQUIRED: u16 = 311;
pub(super) const INVALID_INDEX: u16 = 321;
pub(super) const NO_NETWORK: u16 = 331;

pub(super) type Done = Result<(), End>;

/// Of the errors that there are.
pub(super) fn reason(error: u16) -> &'static str {
    match error {
        NOT_INSERTED => "SIM not inserted",
        PIN_REQUIRED => "SIM PIN required",
        INCORRECT_PASSWORD => "incorrect password",
        INCORRECT_PARAMETERS => "Incorrect parameters",
        _ => "operation not allowed",
    }
}
