// Records music as it is: what browsers do to speech takes held notes for noise and
// turns them down.
(() => {
  const devices = navigator.mediaDevices;
  if (!devices) return; // Nobody can record here: the page came without HTTPS.
  const ask = devices.getUserMedia.bind(devices);
  const untouched = {
    autoGainControl: false,
    echoCancellation: false,
    noiseSuppression: false,
  };
  devices.getUserMedia = (wishes) => {
    if (!wishes || !wishes.audio) return ask(wishes);
    const audio = wishes.audio === true ? {} : wishes.audio;
    return ask({ ...wishes, audio: { ...audio, ...untouched } });
  };
})();
