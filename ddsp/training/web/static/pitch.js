// Pitch over time, drawn.

const NAMES = ['C', 'C♯', 'D', 'D♯', 'E', 'F', 'F♯', 'G', 'G♯', 'A', 'A♯', 'B'];
const LIVE_MOMENTS = 250;
const LEAST_RANGE = 14;

/** The name of the nearest key of a piano. */
export function noteName(hz) {
  const key = Math.round(midi(hz));
  return `${NAMES[((key % 12) + 12) % 12]}${Math.floor(key / 12) - 1}`;
}

function midi(hz) {
  return 69 + 12 * Math.log2(Math.max(hz, 1) / 440);
}

/** Two lines: pitch that was heard, and pitch that is played. */
export class Pitch {
  constructor(canvas) {
    this.canvas = canvas;
    this.clear();
    window.addEventListener('resize', () => this.resize());
  }

  clear() {
    this.lines = { heard: [], played: [] };
    this.live = true;
    this.draw();
  }

  /** Adds a moment of what is live; null where there is no note. */
  add(moment) {
    if (!this.live) this.clear();
    for (const [name, line] of Object.entries(this.lines)) {
      line.push(moment ? midi(moment[name]) : null);
      if (line.length > LIVE_MOMENTS) line.shift();
    }
    this.draw();
  }

  /** Shows a whole recording. */
  show(told) {
    this.live = false;
    for (const name of Object.keys(this.lines)) {
      this.lines[name] = told[name].map((hz, i) => (told.note[i] ? midi(hz) : null));
    }
    this.draw();
  }

  resize() {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.canvas;
    this.canvas.width = Math.round(clientWidth * ratio);
    this.canvas.height = Math.round(clientHeight * ratio);
    this.draw();
  }

  draw() {
    const { width, height } = this.canvas;
    const draw = this.canvas.getContext('2d');
    const ratio = window.devicePixelRatio || 1;
    draw.clearRect(0, 0, width, height);
    const [low, high] = this.range();
    const left = 44 * ratio;
    const place = (note) => height - ((note - low) / (high - low)) * height;
    this.drawKeys(draw, low, high, place, ratio, left);
    const count = this.live ? LIVE_MOMENTS : this.lines.heard.length;
    for (const [name, colour] of [['heard', '--recording'], ['played', '--resynthesis']]) {
      const line = this.lines[name];
      draw.strokeStyle = style(this.canvas, colour);
      draw.lineWidth = 2 * ratio;
      draw.lineJoin = 'round';
      draw.beginPath();
      let before = null;
      line.forEach((note, i) => {
        if (note !== null) {
          const x = left + ((width - left) * (i + count - line.length)) / count;
          // A leap is no glide.
          const joins = before !== null && Math.abs(note - before) < 4;
          if (joins) draw.lineTo(x, place(note));
          else draw.moveTo(x, place(note));
        }
        before = note;
      });
      draw.stroke();
    }
  }

  drawKeys(draw, low, high, place, ratio, left) {
    draw.fillStyle = style(this.canvas, '--soft');
    draw.strokeStyle = style(this.canvas, '--line');
    draw.lineWidth = ratio;
    draw.font = `${12 * ratio}px system-ui, sans-serif`;
    draw.textBaseline = 'middle';
    const each = high - low > 30 ? 12 : 6;
    for (let note = Math.ceil(low / each) * each; note < high; note += each) {
      draw.beginPath();
      draw.moveTo(left, place(note));
      draw.lineTo(this.canvas.width, place(note));
      draw.stroke();
      draw.fillText(noteName(440 * 2 ** ((note - 69) / 12)), 4 * ratio, place(note));
    }
  }

  range() {
    let low = 200;
    let high = -200;
    for (const line of Object.values(this.lines)) {
      for (const note of line) {
        if (note === null) continue;
        low = Math.min(low, note);
        high = Math.max(high, note);
      }
    }
    if (low > high) [low, high] = [55, 79];
    const more = Math.max(LEAST_RANGE - (high - low), 4) / 2;
    return [low - more, high + more];
  }
}

function style(element, name) {
  return getComputedStyle(element).getPropertyValue(name).trim();
}
