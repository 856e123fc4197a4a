// Noise by numbers that Python counts, too: ddsp.training.live.counted_noise.

/** Uniform noise in [-1, 1), the same at a place of a stream however it is cut. */
export function countedNoise(position, length, seed = 0) {
  const noise = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    // lowbias32, a hash of Chris Wellons.
    let x = (Math.imul((position + i) >>> 0, 0x9e3779b9) + seed) >>> 0;
    x ^= x >>> 16;
    x = Math.imul(x, 0x7feb352d);
    x ^= x >>> 15;
    x = Math.imul(x, 0x846ca68b);
    x ^= x >>> 16;
    noise[i] = (x >>> 8) * 2 ** -23 - 1;
  }
  return noise;
}
