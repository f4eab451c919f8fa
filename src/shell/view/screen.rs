//! The terminal: an alternate screen that is left as it was found, whatever happens.

use super::draw::{Line, Style};
use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, poll, read};
use crossterm::style::{Attribute, Color, Print, ResetColor, SetAttribute, SetForegroundColor};
use crossterm::terminal::{self, Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, execute, queue};
use std::io::{self, IsTerminal, Stdout, Write};
use std::time::{Duration, Instant};

/// A key that was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// q, Escape or Ctrl-C.
    Quit,
    /// Any other letter, in lower case.
    Letter(char),
}

/// Draws on standard output; `Drop` gives the terminal back.
pub struct Screen {
    out: Stdout,
    colour: bool,
    size: (u16, u16),
}

/// Whether to use colour: on a terminal, unless `NO_COLOR` is set to anything (no-color.org).
pub fn has_colour() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !refused
}

impl Screen {
    /// Takes over the terminal.
    ///
    /// # Errors
    /// Standard output is no terminal that can be drawn on.
    pub fn open() -> io::Result<Self> {
        let size = terminal::size()?;
        terminal::enable_raw_mode()?;
        // From here on the guard puts everything back.
        let mut screen = Self { out: io::stdout(), colour: has_colour(), size };
        execute!(screen.out, EnterAlternateScreen, cursor::Hide, Clear(ClearType::All))?;
        Ok(screen)
    }

    /// Columns and lines.
    pub fn size(&self) -> (u16, u16) {
        self.size
    }

    /// Puts lines on the screen, from the top; what stood there is gone.
    ///
    /// # Errors
    /// The terminal has gone away.
    pub fn show(&mut self, lines: &[Line]) -> io::Result<()> {
        queue!(self.out, cursor::MoveTo(0, 0))?;
        for (i, line) in lines.iter().enumerate() {
            queue!(self.out, cursor::MoveTo(0, i as u16))?;
            for piece in &line.0 {
                self.dress(piece.style)?;
                queue!(self.out, Print(&piece.text))?;
                self.undress()?;
            }
            queue!(self.out, Clear(ClearType::UntilNewLine))?;
        }
        queue!(self.out, Clear(ClearType::FromCursorDown))?;
        self.out.flush()
    }

    fn dress(&mut self, style: Style) -> io::Result<()> {
        if !self.colour {
            return Ok(());
        }
        let colour = match style {
            Style::Plain => return Ok(()),
            Style::Bold => return queue!(self.out, SetAttribute(Attribute::Bold)),
            Style::Dim => Color::DarkGrey,
            Style::Low => Color::Green,
            Style::Medium => Color::Yellow,
            Style::High => Color::Red,
            Style::Unknown => Color::Magenta,
        };
        queue!(self.out, SetForegroundColor(colour))
    }

    fn undress(&mut self) -> io::Result<()> {
        if self.colour {
            queue!(self.out, ResetColor, SetAttribute(Attribute::Reset))
        } else {
            Ok(())
        }
    }

    /// Waits up to `wait` for a key; a change of the terminal's size ends the wait too.
    ///
    /// # Errors
    /// The terminal has gone away.
    pub fn key(&mut self, wait: Duration) -> io::Result<Option<Key>> {
        let until = Instant::now() + wait;
        while poll(until.saturating_duration_since(Instant::now()))? {
            match read()? {
                Event::Resize(width, height) => {
                    self.size = (width, height);
                    return Ok(None);
                }
                Event::Key(key) if key.kind != KeyEventKind::Release => {
                    let control = key.modifiers.contains(KeyModifiers::CONTROL);
                    match key.code {
                        KeyCode::Esc => return Ok(Some(Key::Quit)),
                        KeyCode::Char('c' | 'd') if control => return Ok(Some(Key::Quit)),
                        KeyCode::Char('q' | 'Q') => return Ok(Some(Key::Quit)),
                        KeyCode::Char(letter) => {
                            return Ok(Some(Key::Letter(letter.to_ascii_lowercase())));
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        Ok(None)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Nothing is left to tell a failure to.
        let _ = execute!(self.out, cursor::Show, LeaveAlternateScreen);
        let _ = terminal::disable_raw_mode();
    }
}
