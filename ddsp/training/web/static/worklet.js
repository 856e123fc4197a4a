// In the thread of the sound card: gives what is heard to the worker, plays what comes.

const BLOCK = 256;
const STEP = 256; // What waits grows by this much after a gap.
const CALM_SECONDS = 5; // After so long without need of it, it shrinks again.
const TELL_BLOCKS = 25;

class LiveProcessor extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this.heard = new Float32Array(BLOCK);
    this.filled = 0;
    this.parts = [];
    this.waiting = 0;
    this.target = this.first = processorOptions.target;
    this.lowest = Infinity; // What waited at least, since `played` was 0.
    this.played = 0;
    this.most = processorOptions.most;
    this.playing = false;
    this.gaps = 0;
    this.blocks = 0;
    this.frames = 0;
    this.ended = false;
    this.port.onmessage = ({ data }) => {
      if (data.end) this.ended = true;
      if (data.port) this.connect(data.port);
    };
  }

  connect(port) {
    this.worker = port;
    port.onmessage = ({ data }) => {
      this.parts.push(data);
      this.waiting += data.length;
      // What waits too long, after the machine was busy, is left out.
      while (this.waiting > this.target + this.most) {
        this.waiting -= this.parts.shift().length;
      }
    };
  }

  process([input], [output]) {
    if (this.ended) return false;
    this.hear(input[0], output[0].length);
    this.play(output[0]);
    for (const channel of output.slice(1)) channel.set(output[0]);
    return true;
  }

  hear(channel, length) {
    if (!this.worker) return;
    for (let i = 0; i < length; i++) {
      this.heard[this.filled++] = channel ? channel[i] : 0;
      if (this.filled < BLOCK) continue;
      const block = this.heard;
      this.worker.postMessage(block, [block.buffer]);
      this.heard = new Float32Array(BLOCK);
      this.filled = 0;
      if (++this.blocks % TELL_BLOCKS === 0) {
        const { gaps, target, waiting, frames } = this;
        this.port.postMessage({ gaps, target, waiting, frames });
      }
    }
  }

  play(channel) {
    if (!this.playing && this.waiting < this.target) return;
    if (this.waiting < channel.length) {
      if (this.playing) {
        this.gaps++;
        this.target = Math.min(this.target + STEP, this.most);
      }
      this.playing = false;
      this.lowest = Infinity;
      this.played = 0;
      return;
    }
    this.playing = true;
    for (let i = 0; i < channel.length; ) {
      const part = this.parts[0].subarray(0, channel.length - i);
      channel.set(part, i);
      i += part.length;
      if (part.length === this.parts[0].length) this.parts.shift();
      else this.parts[0] = this.parts[0].subarray(part.length);
    }
    this.waiting -= channel.length;
    this.frames += channel.length;
    this.shrink(channel.length);
  }

  /** Leaves out what waits without need, when there was calm for a while. */
  shrink(length) {
    this.lowest = Math.min(this.lowest, this.waiting);
    this.played += length;
    if (this.played < CALM_SECONDS * sampleRate) return;
    // One step stays in hand: less than that is a gap at the next hiccup.
    if (this.lowest >= 2 * STEP) {
      this.skip();
      this.target = Math.max(this.first, this.target - STEP);
    }
    this.lowest = Infinity;
    this.played = 0;
  }

  /** Plays on one step later, faded over, so that nothing clicks. */
  skip() {
    const all = new Float32Array(this.waiting);
    let at = 0;
    for (const part of this.parts) {
      all.set(part, at);
      at += part.length;
    }
    for (let i = 0; i < STEP; i++) {
      all[i + STEP] = all[i] + (all[i + STEP] - all[i]) * ((i + 1) / (STEP + 1));
    }
    this.parts = [all.subarray(STEP)];
    this.waiting -= STEP;
  }
}

registerProcessor('live', LiveProcessor);
