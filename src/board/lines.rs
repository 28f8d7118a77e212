use std::sync::Arc;

use circuits_gpio::{
    Backend, Chip, Config, Input, Line, LineInfo, LineSpec, Lines, Output, Result, Watch,
};

use super::Board;

/// Lines.
impl Board {
    /// Takes the lines from `backend` instead. A real bus and virtual lines mix on the real clock.
    ///
    /// # Errors
    /// [`Error::OtherClock`](super::Error::OtherClock).
    pub fn with_gpio(self, backend: impl Backend + 'static) -> super::Result<Board> {
        self.mixes_with(&backend.clock())?;
        Ok(Board {
            gpio: Arc::new(backend),
            ..self
        })
    }

    /// Returns where lines come from.
    pub fn gpio(&self) -> &Arc<dyn Backend> {
        &self.gpio
    }

    /// Opens a line as an output, low: `GPIO17`, or `gpiochip0:17`.
    ///
    /// # Errors
    /// As [`Output::open_on`].
    pub fn output(&self, line: impl Into<LineSpec>) -> Result<Output> {
        Output::open_on(&self.gpio, line, &Config::new())
    }

    /// Opens a line as an input.
    ///
    /// # Errors
    /// As [`Input::open_on`].
    pub fn input(&self, line: impl Into<LineSpec>) -> Result<Input> {
        Input::open_on(&self.gpio, line, &Config::new())
    }

    /// Opens a line as an output, configured.
    ///
    /// # Errors
    /// As [`Output::open_on`].
    pub fn output_with(&self, line: impl Into<LineSpec>, config: &Config) -> Result<Output> {
        Output::open_on(&self.gpio, line, config)
    }

    /// Opens a line as an input, configured.
    ///
    /// # Errors
    /// As [`Input::open_on`].
    pub fn input_with(&self, line: impl Into<LineSpec>, config: &Config) -> Result<Input> {
        Input::open_on(&self.gpio, line, config)
    }

    /// Opens lines of one chip together, each as its configuration says.
    ///
    /// ```
    /// use circuits::Board;
    /// use circuits::gpio::Config;
    /// use circuits::stub::Stub;
    ///
    /// let board = Board::from(&Stub::virtual_time().lines(["RED", "GREEN"]));
    /// let lamps = board.lines(["RED", "GREEN"].map(|name| (name, Config::output())))?;
    /// lamps.set(0b10)?;
    /// # Ok::<(), circuits::gpio::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Lines::open_on`].
    pub fn lines<L: Into<LineSpec>>(
        &self,
        lines: impl IntoIterator<Item = (L, Config)>,
    ) -> Result<Lines> {
        Lines::open_on(&self.gpio, lines)
    }

    /// Opens a line whose direction changes: as an input, or as the configuration says.
    ///
    /// # Errors
    /// As [`Line::open_on`].
    pub fn line(&self, line: impl Into<LineSpec>, config: &Config) -> Result<Line> {
        Line::open_on(&self.gpio, line, config)
    }

    /// Looks at a line, whoever holds it.
    ///
    /// # Errors
    /// As [`LineInfo::of_on`].
    pub fn line_info(&self, line: impl Into<LineSpec>) -> Result<LineInfo> {
        LineInfo::of_on(&self.gpio, line)
    }

    /// Tells who takes lines of a chip, gives them back, or sets them up anew.
    ///
    /// # Errors
    /// As [`Watch::open_on`].
    pub fn watch_lines<L: Into<LineSpec>>(
        &self,
        lines: impl IntoIterator<Item = L>,
    ) -> Result<Watch> {
        Watch::open_on(&self.gpio, lines)
    }

    /// Opens the GPIO chip of this name or label, to look at it: nothing of it is held.
    ///
    /// # Errors
    /// As [`Chip::open_on`].
    pub fn gpio_chip(&self, name: &str) -> Result<Chip<'_>> {
        Chip::open_on(&self.gpio, name)
    }

    /// Lists the names of the GPIO chips.
    ///
    /// # Errors
    /// As [`Chip::list_on`].
    pub fn gpio_chips(&self) -> Result<Vec<String>> {
        Chip::list_on(&self.gpio)
    }
}
