// The instrument: one step of the network and its synthesizers, again and again.

import * as ort from './vendor/ort.js';
import { countedNoise } from './noise.js';

/** Plays hop by hop what `metadata.json` describes. */
export class Voice {
  constructor(session, metadata) {
    this.session = session;
    this.metadata = metadata;
    this.hop = metadata.hop_size;
    this.rate = metadata.sample_rate;
    this.shapes = {};
    for (const input of metadata.inputs) this.shapes[input.name] = input;
    this.generation = 0;
    this.last = Promise.resolve();
    this.tell(metadata.controls.values);
    this.restart();
  }

  /** Loads the files beside the page. */
  static async load(base) {
    const metadata = await (await fetched(new URL('metadata.json', base))).json();
    const model = await (await fetched(new URL(metadata.file, base))).arrayBuffer();
    ort.env.wasm.numThreads = 1; // More would need headers that plain servers lack.
    ort.env.wasm.wasmPaths = {
      wasm: new URL('vendor/ort-wasm-simd-threaded.wasm', base).href,
    };
    const session = await ort.InferenceSession.create(model, {
      executionProviders: ['wasm'],
    });
    return new Voice(session, metadata);
  }

  /** Forgets all that was heard. */
  restart() {
    this.generation++;
    this.position = 0;
    this.state = {};
    for (const { input, initial } of this.metadata.state) {
      this.state[input] = filled(this.shapes[input], initial);
    }
  }

  /** Plays otherwise from the next step on; `values` are numbers by name. */
  tell(values) {
    this.controls = {};
    for (const [name, value] of Object.entries(values)) {
      this.controls[name] = new ort.Tensor('float32', [value], []);
    }
  }

  /** Plays one hop. Gives the sound, and what was found in what was heard; null when
   *  all was forgotten meanwhile. */
  step(audio) {
    const { generation } = this;
    const run = this.last.then(() => this.run(audio, generation));
    this.last = run.catch(() => null);
    return run;
  }

  async run(audio, generation) {
    if (generation !== this.generation) return null;
    const shape = [1, this.hop];
    const noise = countedNoise(this.position, this.hop, 0);
    this.position = (this.position + this.hop) % 2 ** 32;
    const all = {
      audio: new ort.Tensor('float32', audio, shape),
      noise: new ort.Tensor('float32', noise, shape),
      ...this.controls,
      ...this.state,
    };
    // Not every instrument makes noise, or can be adjusted.
    const given = this.session.inputNames.map((name) => [name, all[name]]);
    const outputs = await this.session.run(Object.fromEntries(given));
    if (generation !== this.generation) return null;
    for (const { input, output } of this.metadata.state) {
      this.state[input] = outputs[output];
    }
    const last = (name) => outputs[name].data[outputs[name].data.length - 1];
    return {
      audio: outputs.played.data,
      heard: last('heard_hz'),
      played: last('f0_hz'),
      loudness: last('loudness_db'),
      note: last('note') > 0.5,
    };
  }
}

async function fetched(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url.pathname} cannot be loaded (${answer.status})`);
  return answer;
}

function filled({ shape, dtype }, initial) {
  const size = shape.reduce((a, b) => a * b, 1);
  const kinds = { float32: Float32Array, int64: BigInt64Array, int32: Int32Array };
  const data = new kinds[dtype](size);
  const values = Array.isArray(initial) ? initial.flat(Infinity) : [initial];
  const made = dtype === 'int64' ? BigInt : Number;
  for (let i = 0; i < size; i++) data[i] = made(values[i % values.length]);
  return new ort.Tensor(dtype, data, shape);
}
