// Plays in a thread of its own: whole recordings, or what comes from the worklet.

import { Resampler } from './resampling.js';
import { Voice } from './voice.js';

const YIELD_MS = 30;
const TOLD_MS = 40;

let voice = null;
let rendering = 0;
let live = null;

onmessage = async ({ data }) => {
  try {
    await handlers[data.type](data);
  } catch (error) {
    postMessage({ type: 'error', message: String(error.message || error) });
  }
};

const handlers = {
  async load() {
    voice = await Voice.load(new URL('.', self.location.href));
    // The first steps reserve memory.
    for (let i = 0; i < 5; i++) await voice.step(new Float32Array(voice.hop));
    voice.restart();
    postMessage({ type: 'ready' });
  },

  controls({ values }) {
    voice.tell(values);
  },

  /** Plays a recording as fast as it goes, without the latency. */
  async render({ id, audio, values }) {
    rendering = id;
    stop();
    voice.restart();
    voice.tell(values);
    const { hop } = voice;
    const latency = voice.metadata.latency_samples;
    const steps = Math.ceil((audio.length + latency) / hop);
    const played = new Float32Array(steps * hop);
    const told = { heard: [], played: [], loudness: [], note: [] };
    const times = new Float64Array(steps);
    let rested = performance.now();
    for (let i = 0; i < steps; i++) {
      const started = performance.now();
      const block = new Float32Array(hop);
      block.set(audio.subarray(i * hop, (i + 1) * hop));
      const out = await voice.step(block);
      if (!out) return;
      times[i] = performance.now() - started;
      played.set(out.audio, i * hop);
      for (const name of Object.keys(told)) told[name].push(Number(out[name]));
      if (performance.now() - rested > YIELD_MS) {
        postMessage({ type: 'progress', id, part: (i + 1) / steps });
        // Others may want something else by now.
        await new Promise((resume) => setTimeout(resume));
        if (rendering !== id) return;
        rested = performance.now();
      }
    }
    const result = played.slice(latency, latency + audio.length);
    const ms = summary(times);
    postMessage({ type: 'rendered', id, audio: result, told, ms }, [result.buffer]);
  },

  /** Plays what comes through a port, until `stop`. */
  live({ port, rate, values }) {
    rendering = 0;
    stop();
    voice.restart();
    voice.tell(values);
    live = new Live(port, rate);
  },

  stop() {
    rendering = 0;
    stop();
  },
};

function stop() {
  if (live) live.end();
  live = null;
}

/** Blocks of the sound card's rate around steps of the instrument's. */
class Live {
  constructor(port, rate) {
    this.port = port;
    this.down = new Resampler(rate, voice.rate);
    this.up = new Resampler(voice.rate, rate);
    this.waiting = [];
    this.hop = new Float32Array(voice.hop);
    this.filled = 0;
    this.busy = false;
    this.ended = false;
    this.times = [];
    this.told = 0;
    port.onmessage = ({ data }) => this.hear(data);
    const ms = 1000 * (this.down.delay + this.up.delay + voice.hop / voice.rate);
    postMessage({ type: 'live', ms });
  }

  end() {
    this.ended = true;
    this.port.onmessage = null;
    this.port.close();
  }

  async hear(block) {
    this.waiting.push(block);
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.waiting.length && !this.ended) await this.play(this.waiting.shift());
    } catch (error) {
      postMessage({ type: 'error', message: String(error.message || error) });
    } finally {
      this.busy = false;
    }
  }

  async play(block) {
    const heard = this.down.process(finite(block));
    for (let i = 0; i < heard.length; ) {
      const part = heard.subarray(i, i + this.hop.length - this.filled);
      this.hop.set(part, this.filled);
      this.filled += part.length;
      i += part.length;
      if (this.filled < this.hop.length) continue;
      this.filled = 0;
      const started = performance.now();
      const out = await voice.step(this.hop.slice());
      const ms = performance.now() - started;
      if (this.ended || !out) return;
      const played = this.up.process(out.audio).slice();
      this.tell(out, ms, peak(this.hop), peak(played));
      this.port.postMessage(played, [played.buffer]);
    }
  }

  tell(out, ms, heardPeak, playedPeak) {
    this.times.push(ms);
    this.levels = this.levels || [0, 0];
    this.levels = [Math.max(this.levels[0], heardPeak), Math.max(this.levels[1], playedPeak)];
    const now = performance.now();
    if (now - this.told < TOLD_MS) return;
    this.told = now;
    const [heardLevel, playedLevel] = this.levels;
    this.levels = [0, 0];
    if (this.times.length > 1000) this.times.splice(0, 500);
    const { heard, played, note } = out;
    postMessage({
      type: 'moment', heard, played, note, heardLevel, playedLevel,
      ms: summary(this.times), steps: this.times.length,
    });
  }
}

function finite(block) {
  // Here, because a filter never loses a NaN again.
  for (let i = 0; i < block.length; i++) if (!Number.isFinite(block[i])) block[i] = 0;
  return block;
}

function peak(block) {
  let most = 0;
  for (const x of block) most = Math.max(most, Math.abs(x));
  return most;
}

/** Median, 99.9th percentile and longest of some times. */
function summary(times) {
  const sorted = Float64Array.from(times).sort();
  const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
  return { median: at(0.5), most: at(0.999), longest: sorted[sorted.length - 1] };
}
