// In the thread of the sound card: gives what is heard to the worker, plays what comes.

const BLOCK = 256;
const STEP = 256; // What waits grows by this much after a gap.
const TELL_BLOCKS = 25;

class LiveProcessor extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this.heard = new Float32Array(BLOCK);
    this.filled = 0;
    this.parts = [];
    this.waiting = 0;
    this.target = processorOptions.target;
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
  }
}

registerProcessor('live', LiveProcessor);
