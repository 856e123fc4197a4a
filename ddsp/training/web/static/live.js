// Microphone, worklet and worker, and how late all of it is.

const BLOCK = 256;
// What waits before it is heard, at first and at most, in seconds.
const TARGET_SECONDS = 0.024;
const MOST_SECONDS = 0.25;

/** Plays what the microphone hears. */
export class LiveSound {
  constructor(worker) {
    this.worker = worker;
    this.running = false;
    this.processing = 0;
    this.told = { gaps: 0, target: 0, waiting: 0, frames: 0 };
  }

  async start(metadata, values) {
    if (!navigator.mediaDevices) {
      throw new Error('Browsers lend the microphone to https pages and to localhost '
        + 'only: open this page by one of these.');
    }
    this.context = new AudioContext({ latencyHint: 'interactive' });
    this.stream = await openMicrophone();
    await this.context.audioWorklet.addModule('worklet.js');
    const rate = this.context.sampleRate;
    const target = Math.ceil((TARGET_SECONDS * rate) / BLOCK) * BLOCK;
    this.told = { gaps: 0, target, waiting: 0, frames: 0 };
    this.node = new AudioWorkletNode(this.context, 'live', {
      outputChannelCount: [2],
      processorOptions: { target, most: Math.ceil(MOST_SECONDS * rate) },
    });
    this.node.port.onmessage = ({ data }) => { this.told = data; };
    const channel = new MessageChannel();
    this.worker.postMessage(
      { type: 'live', port: channel.port1, rate, values }, [channel.port1],
    );
    this.node.port.postMessage({ port: channel.port2 }, [channel.port2]);
    this.source = this.context.createMediaStreamSource(this.stream);
    this.source.connect(this.node).connect(this.context.destination);
    await this.context.resume();
    this.running = true;
  }

  async stop() {
    this.running = false;
    this.worker.postMessage({ type: 'stop' });
    if (this.node) this.node.port.postMessage({ end: true });
    if (this.stream) for (const track of this.stream.getTracks()) track.stop();
    const { context } = this;
    this.node = this.stream = this.source = this.context = null;
    if (context && context.state !== 'closed') await context.close();
  }

  /** Milliseconds from mouth to ear, as far as the browser knows. */
  latency(metadata) {
    if (!this.context) return 0;
    const { sampleRate, baseLatency = 0, outputLatency = 0 } = this.context;
    const waiting = (1000 * (BLOCK + this.told.target)) / sampleRate;
    const device = 1000 * (baseLatency + outputLatency);
    return metadata.latency_ms + this.processing + waiting + device;
  }
}

async function openMicrophone() {
  try {
    return await navigator.mediaDevices.getUserMedia({
      // What makes calls clearer takes held notes for noise.
      audio: {
        echoCancellation: false, noiseSuppression: false, autoGainControl: false,
        channelCount: 1,
      },
    });
  } catch (error) {
    const reasons = {
      NotAllowedError: 'The browser was not allowed to use the microphone; the sign '
        + 'beside its address field changes that.',
      NotFoundError: 'There is no microphone.',
    };
    throw new Error(reasons[error.name] || `No microphone: ${error.message}`);
  }
}
