async (seconds) => {
  // Whatever the browser records in, it can decode itself: raw samples leave it.
  const answer = (value) => JSON.stringify(value);
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      // What makes speech clear on the phone spoils music.
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
  } catch (error) {
    return answer({ error: error.message || String(error) });
  }
  const sign = document.createElement('p');
  document.body.append(sign);
  const context = new AudioContext();
  try {
    const chunks = [];
    const recorder = new MediaRecorder(stream);
    recorder.ondataavailable = (event) => chunks.push(event.data);
    const stopped = new Promise((done) => { recorder.onstop = done; });
    recorder.start();
    for (let left = seconds; left > 0; left -= 1) {
      sign.textContent = `\u25cf recording, ${Math.ceil(left)} s`;
      await wait(1000 * Math.min(1, left));
    }
    recorder.stop();
    await stopped;
    const bytes = await new Blob(chunks, { type: recorder.mimeType }).arrayBuffer();
    const decoded = await context.decodeAudioData(bytes);
    const samples = new DataView(new ArrayBuffer(2 * decoded.length));
    const channels = Array.from(
      { length: decoded.numberOfChannels }, (_, i) => decoded.getChannelData(i));
    for (let i = 0; i < decoded.length; i += 1) {
      let mean = 0;
      for (const channel of channels) mean += channel[i] / channels.length;
      samples.setInt16(2 * i, 32767 * Math.max(-1, Math.min(1, mean)), true);
    }
    let text = '';
    const raw = new Uint8Array(samples.buffer);
    for (let i = 0; i < raw.length; i += 32768) {
      text += String.fromCharCode(...raw.subarray(i, i + 32768));
    }
    return answer({ sample_rate: decoded.sampleRate, pcm16: btoa(text) });
  } catch (error) {
    return answer({ error: error.message || String(error) });
  } finally {
    for (const track of stream.getTracks()) track.stop();
    await context.close();
    sign.remove();
  }
}
