// Sound as a file.

/** A WAV file of 16 bits and one channel. */
export function encodeWav(audio, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * audio.length));
  const write = (place, text) => {
    [...text].forEach((c, i) => view.setUint8(place + i, c.charCodeAt(0)));
  };
  write(0, 'RIFF');
  view.setUint32(4, 36 + 2 * audio.length, true);
  write(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // One channel
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  write(36, 'data');
  view.setUint32(40, 2 * audio.length, true);
  audio.forEach((x, i) => {
    const whole = Math.round(32768 * x);
    view.setInt16(44 + 2 * i, Math.min(Math.max(whole, -32768), 32767), true);
  });
  return new Blob([view], { type: 'audio/wav' });
}
