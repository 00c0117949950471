/** The microphone as 16-bit frames of 512 samples at 16 kHz. */

export const RATE = 16_000;

export type Problem = 'denied' | 'missing' | 'unsupported' | 'failed';

export class MicrophoneError extends Error {
  constructor(readonly problem: Problem) {
    super(problem);
  }
}

export interface Microphone {
  close(): void;
}

/** Asks for the microphone and hands over its frames until it is closed. */
export async function openMicrophone(origin: string, frame: (pcm: ArrayBuffer) => void): Promise<Microphone> {
  if (!navigator.mediaDevices?.getUserMedia || typeof AudioWorkletNode === 'undefined') {
    throw new MicrophoneError('unsupported');
  }
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      // Without echo cancellation the bot would hear itself.
      audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : '';
    const missing = name === 'NotFoundError' || name === 'OverconstrainedError';
    throw new MicrophoneError(name === 'NotAllowedError' || name === 'SecurityError' ? 'denied' : missing ? 'missing' : 'failed');
  }
  const context = new AudioContext({ sampleRate: RATE });
  const close = () => {
    for (const track of stream.getTracks()) track.stop();
    if (context.state !== 'closed') void context.close();
  };
  try {
    await context.audioWorklet.addModule(`${origin}/voice-worklet.js`);
    await context.resume();
    const capture = new AudioWorkletNode(context, 'kefu-capture', { numberOfInputs: 1, numberOfOutputs: 0 });
    capture.port.onmessage = (event: MessageEvent<ArrayBuffer>) => frame(event.data);
    context.createMediaStreamSource(stream).connect(capture);
    return {
      close() {
        capture.port.onmessage = null;
        capture.disconnect();
        close();
      },
    };
  } catch {
    close();
    throw new MicrophoneError('failed');
  }
}

/** Loudness of a frame between 0 and 1, as a meter shows it: 60 decibels from a whisper's to the loudest. */
export function loudness(pcm: ArrayBuffer): number {
  const samples = new Int16Array(pcm);
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const level = Math.sqrt(sum / Math.max(1, samples.length)) / 32768;
  return Math.min(1, Math.max(0, 1 + (20 * Math.log10(Math.max(level, 1e-6))) / 60));
}
