// The page: what people do, and what they see and hear then.

import { makeControls } from './controls.js';
import { encodeWav } from './wav.js';
import { LiveSound } from './live.js';
import { Pitch, noteName } from './pitch.js';

const LONGEST_MINUTES = 20;
const part = (id) => document.getElementById(id);
const worker = new Worker('worker.js', { type: 'module' });
const pitch = new Pitch(part('pitch'));
const live = new LiveSound(worker);

let metadata = null;
let controls = null;
let recording = null;
let job = 0;
let again = 0;
let busy = false;
// What tests look at.
const seen = { ready: false, rendered: null, live: null };
window.seen = seen;

worker.onmessage = ({ data }) => handlers[data.type](data);
worker.onerror = () => refuse('The instrument cannot be loaded; this browser may be too '
  + 'old. Firefox, Chrome, Edge and Safari of 2023 and later know how.');

const handlers = {
  ready() {
    part('desk').hidden = false;
    pitch.resize();
    say('Ready. Use the microphone, or drop a recording.');
    seen.ready = true;
  },

  progress({ id, part: done }) {
    if (id === job) part('progress').value = done;
  },

  rendered({ id, audio, told, ms }) {
    if (id !== job) return;
    part('work').hidden = true;
    showResult(audio, told, ms);
  },

  live({ ms }) {
    live.processing = ms;
  },

  moment(moment) {
    showLevel('in-level', moment.heardLevel);
    showLevel('out-level', moment.playedLevel);
    part('heard').textContent = moment.note ? noteName(moment.heard) : '–';
    part('played').textContent = moment.note ? noteName(moment.played) : '–';
    pitch.add(moment.note ? moment : null);
    const { gaps, frames } = live.told;
    const lost = gaps ? `, ${gaps} ${gaps === 1 ? 'gap' : 'gaps'}` : '';
    part('figures').textContent = `Latency ${Math.round(live.latency(metadata))} ms; `
      + `${moment.ms.median.toFixed(2)} ms for each ${hopMs().toFixed(0)} ms of sound${lost}.`;
    seen.live = { ...moment, gaps, frames };
  },

  error({ message }) {
    part('work').hidden = true;
    refuse(message);
  },
};

start();

async function start() {
  try {
    const answer = await fetch('metadata.json');
    if (!answer.ok) throw new Error(`metadata.json is missing (${answer.status})`);
    metadata = await answer.json();
  } catch (error) {
    refuse(`The instrument cannot be loaded: ${error.message}.`);
    return;
  }
  controls = makeControls(part('controls'), metadata.controls, changed);
  part('reset').onclick = () => controls.reset();
  part('listen').onclick = toggle;
  part('file').onchange = ({ target }) => {
    if (target.files.length) take(target.files[0]);
    target.value = ''; // So that the same may be chosen again.
  };
  makeDrop();
  worker.postMessage({ type: 'load' });
}

function makeDrop() {
  const drop = part('drop');
  for (const name of ['dragover', 'drop']) {
    // Beside the field, too: or the browser would leave the page to open the file.
    window.addEventListener(name, (event) => event.preventDefault());
  }
  drop.addEventListener('dragover', () => drop.classList.add('over'));
  drop.addEventListener('dragleave', () => drop.classList.remove('over'));
  window.addEventListener('drop', (event) => {
    drop.classList.remove('over');
    const [file] = event.dataTransfer.files;
    if (file) take(file);
  });
}

async function take(file) {
  clearTimeout(again);
  await live.stop();
  showListening(false);
  say(`Reading ${file.name} …`);
  try {
    recording = { name: file.name, audio: await decode(file), file };
  } catch (error) {
    refuse(`${file.name}: ${error.message}`);
    return;
  }
  const original = part('original');
  if (original.src) URL.revokeObjectURL(original.src);
  original.src = URL.createObjectURL(file);
  render();
}

/** One channel at the instrument's rate. */
async function decode(file) {
  const context = new OfflineAudioContext(1, 1, metadata.sample_rate);
  let buffer;
  try {
    buffer = await context.decodeAudioData(await file.arrayBuffer());
  } catch {
    throw new Error('this browser cannot read it as sound; WAV and MP3 always work.');
  }
  if (buffer.duration > 60 * LONGEST_MINUTES) {
    throw new Error(`it is longer than ${LONGEST_MINUTES} minutes.`);
  }
  const audio = buffer.getChannelData(0).slice();
  for (let c = 1; c < buffer.numberOfChannels; c++) {
    buffer.getChannelData(c).forEach((x, i) => { audio[i] += x; });
  }
  return audio.map((x) => x / buffer.numberOfChannels);
}

function render() {
  part('result').hidden = true;
  part('work').hidden = false;
  part('progress').value = 0;
  seen.rendered = null;
  say(`${metadata.title} plays ${recording.name} …`);
  const { audio } = recording;
  worker.postMessage({ type: 'render', id: ++job, audio, values: controls.values() });
}

function showResult(audio, told, ms) {
  const seconds = audio.length / metadata.sample_rate;
  const url = URL.createObjectURL(encodeWav(audio, metadata.sample_rate));
  for (const [name, key] of [['sound', 'src'], ['download', 'href']]) {
    if (name === 'sound' && part(name)[key]) URL.revokeObjectURL(part(name)[key]);
    part(name)[key] = url;
  }
  const stem = recording.name.replace(/\.[^.]*$/, '');
  part('download').download = `${stem} ${metadata.name}.wav`;
  part('took').textContent = `${seconds.toFixed(1)} s of sound; ${ms.median.toFixed(2)} ms `
    + `for each ${hopMs().toFixed(0)} ms.`;
  part('result').hidden = false;
  pitch.show(told);
  const found = told.note.some(Boolean);
  if (found) say(`${metadata.title} plays ${recording.name}.`);
  else refuse(`No notes were found in ${recording.name}; a lower note threshold finds more.`);
  seen.rendered = { audio, told, ms };
}

async function toggle() {
  // Not disabled meanwhile: the keyboard would lose its place.
  if (busy) return;
  busy = true;
  try {
    if (live.running) {
      await live.stop();
      say('Stopped.');
    } else {
      job++; // What is being played into a file, or soon would be, is given up.
      clearTimeout(again);
      part('work').hidden = true;
      pitch.clear();
      await live.start(metadata, controls.values());
      say('Listening. Sing one note at a time.');
    }
  } catch (error) {
    await live.stop();
    refuse(error.message);
  }
  showListening(live.running);
  busy = false;
}

function showListening(running) {
  const button = part('listen');
  button.setAttribute('aria-pressed', String(running));
  button.textContent = running ? 'Stop' : 'Use the microphone';
  if (!running) for (const id of ['in-level', 'out-level']) showLevel(id, 0);
}

function changed() {
  const values = controls.values();
  if (live.running) {
    worker.postMessage({ type: 'controls', values });
  } else if (recording) {
    clearTimeout(again);
    again = setTimeout(render, 300);
  }
}

function showLevel(id, peak) {
  const db = Math.max(-60, 20 * Math.log10(Math.max(peak, 1e-6)));
  part(id).firstElementChild.style.width = `${(100 * (db + 60)) / 60}%`;
  part(id).setAttribute('aria-valuenow', String(Math.round(db)));
}

function hopMs() {
  return (1000 * metadata.hop_size) / metadata.sample_rate;
}

function say(text) {
  part('status').className = 'told';
  part('status').textContent = text;
}

function refuse(text) {
  part('status').className = 'told refused';
  part('status').textContent = text;
}
