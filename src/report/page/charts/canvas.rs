//! Draws rectangles, lines and texts as SVG. This is the only user of `plotters`.

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{PathElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, RGBColor, ShapeStyle};

/// The message of a panic that cannot occur, because drawing into a string does not fail.
const INFALLIBLE: &str = "a string takes all that is drawn";
/// The ratio between the font size that is passed to `plotters` and the size that it writes to the
/// SVG.
const FONT_RATIO: f64 = 1.24;
/// The size of the charts' text in pixels.
const FONT_SIZE: f64 = 12.0;

/// A colour of the charts, by its meaning. In dark mode, the page's style sheet replaces each
/// colour by another one; a test checks that it replaces all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    /// The colour of ordinary text, such as names of hosts.
    Text,
    /// The colour of text of less weight, such as dates.
    Muted,
    /// The colour of lines between rows, and between steps of the time axis.
    Grid,
    /// The colour of a cell with one match in the chart of matches.
    Match1,
    /// The colour of a cell with 2 to 9 matches in the chart of matches.
    Match2,
    /// The colour of a cell with 10 to 99 matches in the chart of matches. In the bars and in the
    /// chart of DNS logging, it is the colour of any number of matches.
    Match3,
    /// The colour of a cell with 100 or more matches in the chart of matches.
    Match4,
    /// The colour of text on [`Ink::Match3`] and [`Ink::Match4`].
    OnMatch,
    /// The colour of a period in which DNS queries were logged on a host, and of the bars that show
    /// the number of hosts with DNS logging.
    Logged,
    /// The colour of the frame around the period from the first to the last record of a host, of
    /// any program (provider).
    OtherRecords,
    /// The colour of a period in which records of Sysmon on a host are missing.
    Gap,
    /// The colour of the name of a host that is not cleared, and of the text that says why.
    Unknown,
}

impl Ink {
    /// All colours of the charts.
    #[cfg(test)]
    pub(super) const ALL: [Ink; 12] = [
        Ink::Text,
        Ink::Muted,
        Ink::Grid,
        Ink::Match1,
        Ink::Match2,
        Ink::Match3,
        Ink::Match4,
        Ink::OnMatch,
        Ink::Logged,
        Ink::OtherRecords,
        Ink::Gap,
        Ink::Unknown,
    ];

    /// Returns the colour in light mode, as red, green and blue.
    pub(super) fn rgb(self) -> [u8; 3] {
        match self {
            Ink::Text => [0x1c, 0x25, 0x2e],
            Ink::Muted => [0x5a, 0x66, 0x72],
            Ink::Grid => [0xe3, 0xe7, 0xeb],
            Ink::Match1 => [0xf3, 0xb7, 0xa9],
            Ink::Match2 => [0xe0, 0x7d, 0x68],
            Ink::Match3 => [0xc2, 0x41, 0x2d],
            Ink::Match4 => [0x8a, 0x1f, 0x12],
            Ink::OnMatch => [0xff, 0xff, 0xff],
            Ink::Logged => [0x7f, 0xb2, 0xba],
            Ink::OtherRecords => [0xb8, 0xc1, 0xc9],
            Ink::Gap => [0xe8, 0xc0, 0x63],
            Ink::Unknown => [0x8f, 0x5b, 0x00],
        }
    }

    fn color(self) -> RGBColor {
        let [red, green, blue] = self.rgb();
        RGBColor(red, green, blue)
    }
}

/// On which side of a given point a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    /// The text begins at the point.
    Start,
    /// The point is the middle of the text.
    Middle,
    /// The text ends at the point.
    End,
}

/// A rectangle on a canvas, in pixels: its left upper corner, its width and its height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    /// The distance of the rectangle's left edge from that of the canvas.
    pub x: i32,
    /// The distance of the rectangle's upper edge from that of the canvas.
    pub y: i32,
    /// The width of the rectangle.
    pub width: i32,
    /// The height of the rectangle.
    pub height: i32,
}

/// A canvas on which a chart is drawn.
pub(super) struct Canvas<'s> {
    area: DrawingArea<SVGBackend<'s>, Shift>,
}

impl<'s> Canvas<'s> {
    /// Begins a canvas of this size in pixels. Its SVG is written to `svg`.
    pub(super) fn begin(svg: &'s mut String, width: i32, height: i32) -> Self {
        let size = |length: i32| u32::try_from(length).unwrap_or_default();
        let area = SVGBackend::with_string(svg, (size(width), size(height))).into_drawing_area();
        Canvas { area }
    }

    /// Fills a rectangle with a colour.
    pub(super) fn fill(&self, area: Area, ink: Ink) {
        self.rectangle(area, ink.color().filled());
    }

    /// Draws the outline of a rectangle.
    pub(super) fn outline(&self, area: Area, ink: Ink) {
        self.rectangle(area, ink.color().stroke_width(1));
    }

    fn rectangle(&self, Area { x, y, width, height }: Area, style: ShapeStyle) {
        let corners = [(x, y), (x + width, y + height)];
        self.area.draw(&Rectangle::new(corners, style)).expect(INFALLIBLE);
    }

    /// Draws a line of one pixel's width between two points.
    pub(super) fn line(&self, from: (i32, i32), to: (i32, i32), ink: Ink) {
        let path = PathElement::new([from, to], ink.color().stroke_width(1));
        self.area.draw(&path).expect(INFALLIBLE);
    }

    /// Writes a text in one line. `point` is at half the height of the line; `align` says on which
    /// side of the point the text is.
    pub(super) fn text(&self, text: &str, point: (i32, i32), align: Align, ink: Ink) {
        let horizontal = match align {
            Align::Start => HPos::Left,
            Align::Middle => HPos::Center,
            Align::End => HPos::Right,
        };
        let font = ("sans-serif", FONT_SIZE * FONT_RATIO).into_font();
        let style = font.color(&ink.color()).pos(Pos::new(horizontal, VPos::Center));
        self.area.draw(&Text::new(text.to_owned(), point, style)).expect(INFALLIBLE);
    }

    /// Ends the drawing, and completes its SVG.
    pub(super) fn finish(self) {
        self.area.present().expect(INFALLIBLE);
    }
}
