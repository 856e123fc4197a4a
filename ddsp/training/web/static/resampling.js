// Resampling block by block, as ddsp.training.live.resampling does it.

const CROSSINGS = 24;
const CUTOFF = 0.94;
const KAISER_BETA = 8;

/** Brings a signal from one rate to another, as it comes. */
export class Resampler {
  constructor(given, wanted) {
    const common = divisor(given, wanted);
    this.given = given / common;
    this.wanted = wanted / common;
    this.same = given === wanted;
    this.half = Math.ceil(CROSSINGS / Math.min(1, this.wanted / this.given));
    this.table = this.same ? null : sincTable(this.given, this.wanted, this.half);
    this.delay = this.same ? 0 : this.half / given;
    this.kept = new Float32Array(2 * this.half);
    this.next = 0;
  }

  /** Takes a block, gives what it completes. */
  process(block) {
    if (this.same) return block;
    const taps = 2 * this.half;
    const x = new Float32Array(taps + block.length);
    x.set(this.kept);
    x.set(block, taps);
    const end = block.length * this.wanted;
    const count = Math.max(0, Math.ceil((end - this.next) / this.given));
    const played = new Float32Array(count);
    for (let k = 0, place = this.next; k < count; k++, place += this.given) {
      const first = Math.floor(place / this.wanted) + 1;
      const row = (place % this.wanted) * taps;
      let sum = 0;
      for (let i = 0; i < taps; i++) sum += x[first + i] * this.table[row + i];
      played[k] = sum;
    }
    this.next += count * this.given - end;
    this.kept = x.slice(block.length);
    return played;
  }
}

function sincTable(given, wanted, half) {
  const scale = Math.min(1, wanted / given);
  const table = new Float32Array(wanted * 2 * half);
  for (let phase = 0; phase < wanted; phase++) {
    const row = new Float64Array(2 * half);
    let sum = 0;
    for (let i = 0; i < 2 * half; i++) {
      const time = i - (half - 1) - phase / wanted;
      const round = Math.sqrt(Math.max(1 - (time / half) ** 2, 0));
      const window = bessel(KAISER_BETA * round) / bessel(KAISER_BETA);
      row[i] = sinc(CUTOFF * scale * time) * window;
      sum += row[i];
    }
    for (let i = 0; i < 2 * half; i++) table[phase * 2 * half + i] = row[i] / sum;
  }
  return table;
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** The modified Bessel function of order 0, by its power series. */
function bessel(x) {
  let sum = 1;
  for (let k = 1, term = 1; term > sum * 1e-17; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function divisor(a, b) {
  return b === 0 ? a : divisor(b, a % b);
}
