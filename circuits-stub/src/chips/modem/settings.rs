//! What programs have set, and how it has things told.

use std::fmt::Display;

use super::end::{End, reason};

/// What programs set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) echo: bool,
    pub(super) verbose: bool,
    pub(super) quiet: bool,
    /// Registers S3 and S4: what ends a line.
    pub(super) cr: u8,
    pub(super) lf: u8,
    /// +CMEE.
    pub(super) errors: u32,
    /// +CMGF.
    pub(super) text_mode: bool,
    /// +CSCS: UTF-8, not IRA.
    pub(super) utf8: bool,
    /// +CREG.
    pub(super) tells_registration: bool,
    /// +CLIP.
    pub(super) tells_caller: bool,
    /// +CNMI: mode, and what is done with a message that comes.
    pub(super) new_messages: (u32, u32),
}

/// As a modem is switched on.
impl Default for Settings {
    fn default() -> Settings {
        Settings {
            echo: true,
            verbose: true,
            quiet: false,
            cr: 13,
            lf: 10,
            errors: 0,
            text_mode: false,
            utf8: false,
            tells_registration: false,
            tells_caller: false,
            new_messages: (2, 1),
        }
    }
}

impl Settings {
    /// What is done with messages that come: whether they are told at once, as a whole.
    pub(super) fn tells_messages(&self) -> bool {
        // Without text mode it is a PDU that would be told.
        self.new_messages.1 == 2 && self.text_mode
    }

    /// Whether it is told where a message is kept.
    pub(super) fn tells_places(&self) -> bool {
        self.new_messages.1 != 0
    }

    /// A text as the terminal can show it.
    pub(super) fn shown(&self, text: &str) -> String {
        match self.utf8 {
            true => text.into(),
            false => text.replace(|c: char| !c.is_ascii(), "?"),
        }
    }

    /// How a command line ends; nothing, if that is not told.
    pub(super) fn result(&self, end: &End) -> Vec<u8> {
        if self.quiet {
            return Vec::new();
        }
        match end {
            End::Ok => self.code("OK", "0"),
            End::NoCarrier => self.code("NO CARRIER", "3"),
            // Those of 3GPP have no numbers instead.
            End::Equipment(error) if self.errors == 1 => self.error("CME", error),
            End::Equipment(error) if self.errors == 2 => self.error("CME", reason(*error)),
            End::Message(error) => self.error("CMS", error),
            _ => self.code("ERROR", "4"),
        }
    }

    fn error(&self, kind: &str, error: impl Display) -> Vec<u8> {
        let code = format!("+{kind} ERROR: {error}");
        self.code(&code, &code)
    }

    /// Information (V.250, section 5.7.1).
    pub(super) fn text(&self, text: &str) -> Vec<u8> {
        let end = [self.cr, self.lf];
        match self.verbose {
            true => [&end, text.as_bytes(), &end].concat(),
            false => [text.as_bytes(), &end].concat(),
        }
    }

    /// A result code, as a word or as a number.
    fn code(&self, word: &str, number: &str) -> Vec<u8> {
        match self.verbose {
            true => self.text(word),
            false => [number.as_bytes(), &[self.cr]].concat(),
        }
    }

    /// What comes unasked, of which some has a number, too (V.250, table 1).
    pub(super) fn unsolicited(&self, news: &str) -> Vec<u8> {
        match news {
            "RING" => self.code(news, "2"),
            "NO CARRIER" => self.code(news, "3"),
            _ => self.text(news),
        }
    }
}
