// @vitest-environment jsdom
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { MicrophoneError, loudness } from '../src/voice/microphone';
import { Player } from '../src/voice/player';
import type { Sink } from '../src/voice/player';
import { Reader } from '../src/voice/reader';
import type { Speech } from '../src/voice/reader';
import { Voice } from '../src/voice/voice';

const RATE = 1000;

/** A sound card whose clock the test moves. */
class Card implements Sink {
  time = 0;
  playing: { at: number; seconds: number; ended: () => void }[] = [];
  loud = 1;
  /** The longest time that a stopped piece was heard on. */
  fading = 0;

  now() {
    return this.time;
  }

  volume(level: number) {
    this.loud = level;
  }

  play(pcm: Int16Array, rate: number, at: number, ended: () => void) {
    const piece = { at, seconds: pcm.length / rate, ended };
    this.playing.push(piece);
    return (afterSeconds: number) => {
      this.fading = Math.max(this.fading, afterSeconds);
      this.playing = this.playing.filter((other) => other !== piece);
    };
  }

  moveTo(time: number) {
    this.time = time;
    for (const piece of [...this.playing].filter(({ at, seconds }) => at + seconds <= time + 1e-9)) {
      this.playing = this.playing.filter((other) => other !== piece);
      piece.ended();
    }
  }
}

const second = () => new Int16Array(RATE);

describe('the player', () => {
  let card: Card;
  let told: [number, number, boolean][];
  let player: Player;

  beforeEach(() => {
    card = new Card();
    told = [];
    player = new Player(
      card,
      (...played) => told.push(played),
      () => undefined,
    );
  });

  it('plays the pieces of a reply without a gap and tells the end once', () => {
    player.add(3, second(), RATE, false);
    player.add(3, second(), RATE, true);
    const [first, next] = card.playing;
    expect(next?.at).toBeCloseTo((first?.at ?? 0) + 1);
    card.moveTo(1.06);
    expect(told).toEqual([]);
    card.moveTo(2.1);
    expect(told).toEqual([[3, 2000, true]]);
    expect(player.speaking).toBe(false);
  });

  it('is silent at once and knows how much was heard', () => {
    player.add(3, second(), RATE, false);
    player.add(3, second(), RATE, true);
    card.moveTo(1.05);
    card.time = 1.55;
    player.stop();
    expect(card.playing).toEqual([]);
    expect(told).toEqual([[3, 1500, false]]);
  });

  it('goes on counting where it was stopped', () => {
    player.add(3, second(), RATE, true);
    card.time = 0.55;
    player.stop();
    card.time = 5;
    player.add(3, new Int16Array(RATE / 2), RATE, true);
    card.moveTo(6);
    expect(told.at(-1)).toEqual([3, 1000, true]);
  });

  it('is silent while it pauses, keeps its place, and counts what it says again once', () => {
    player.add(3, second(), RATE, false);
    player.add(3, second(), RATE, false);
    card.moveTo(1.05);
    card.time = 1.55;
    player.pause(3, true);
    expect([card.playing, card.loud, player.speaking]).toEqual([[], 0, false]);
    expect(card.fading).toBeLessThanOrEqual(0.03);
    expect(told).toEqual([[3, 1500, false]]);
    card.time = 60;
    player.add(3, second(), RATE, true);
    expect(card.playing).toEqual([]);
    player.pause(3, false);
    expect([card.loud, player.speaking]).toEqual([1, true]);
    const [rest, last] = card.playing;
    expect(rest?.seconds).toBeCloseTo(0.75);
    expect(last?.at).toBeCloseTo((rest?.at ?? 0) + 0.75);
    card.time = 60.1;
    player.pause(3, true);
    expect(told.at(-1)).toEqual([3, 1500, false]);
    player.pause(3, false);
    card.moveTo(60.9);
    card.moveTo(62.2);
    expect(told.at(-1)).toEqual([3, 3000, true]);
  });

  it('keeps nothing of a pause that ended in a stop, and the next reply is as loud as ever', () => {
    player.add(3, second(), RATE, true);
    card.time = 0.55;
    player.pause(3, true);
    card.time = 9;
    player.stop();
    expect(told.at(-1)).toEqual([3, 500, false]);
    player.pause(3, false);
    expect(card.playing).toEqual([]);
    player.add(4, second(), RATE, true);
    expect([card.loud, card.playing.length]).toEqual([1, 1]);
  });

  it('does not begin while somebody speaks', () => {
    player.pause(3, true);
    player.add(3, second(), RATE, true);
    expect(card.playing).toEqual([]);
    player.pause(3, false);
    expect(card.playing.length).toBe(1);
  });

  it('waits for more where the reply is not complete', () => {
    player.add(3, second(), RATE, false);
    card.moveTo(2);
    expect(told).toEqual([]);
    expect(player.speaking).toBe(true);
  });
});

describe('the reader', () => {
  class Utterance {
    lang = '';
    voice: unknown = null;
    onstart: (() => void) | null = null;
    onboundary: ((event: { charIndex: number }) => void) | null = null;
    onend: (() => void) | null = null;
    onerror: (() => void) | null = null;
    constructor(readonly text: string) {}
  }
  let said: Utterance[];
  let cancelled: number;
  let told: [number, number, number, number, boolean][];
  let now: number;
  let speech: Speech;

  beforeEach(() => {
    vi.stubGlobal('SpeechSynthesisUtterance', Utterance);
    said = [];
    told = [];
    cancelled = now = 0;
    speech = {
      speak: (utterance) => said.push(utterance as unknown as Utterance),
      cancel: () => (cancelled += 1),
      getVoices: () => [],
    };
  });

  const reader = () =>
    new Reader(
      speech,
      () => now,
      (...played) => told.push(played),
      () => undefined,
    );

  it('speaks sentence by sentence and tells the end', () => {
    reader().speak(2, 'zh', ['您好。', '请稍等。'], 0);
    expect(said.map(({ text, lang }) => [text, lang])).toEqual([
      ['您好。', 'zh-CN'],
      ['请稍等。', 'zh-CN'],
    ]);
    now = 1500;
    said[0]?.onend?.();
    expect(told).toEqual([]);
    said[1]?.onend?.();
    expect(told).toEqual([[2, 1500, 2, 0, true]]);
  });

  it('stops at once, tells the sentences that were heard, and what comes late is not counted', () => {
    const one = reader();
    one.speak(2, 'zh', ['您好。', '请稍等。'], 0);
    said[0]?.onend?.();
    now = 900;
    one.stop();
    expect(cancelled).toBe(1);
    said[1]?.onend?.();
    expect(told).toEqual([[2, 900, 1, 0.75, false]]);
    one.speak(2, 'zh', ['请稍等。'], 1);
    said[2]?.onend?.();
    expect(told.at(-1)).toEqual([2, 900, 2, 0, true]);
  });

  it('is silent while it pauses and speaks the rest, from the word that it was in', () => {
    const one = reader();
    one.speak(2, 'en', ['You have three gigabytes left.', 'Anything else?'], 0);
    said[0]?.onboundary?.({ charIndex: 9 });
    now = 700;
    one.pause(2, true);
    expect([cancelled, one.speaking]).toEqual([1, false]);
    expect(told).toEqual([[2, 700, 0, 0.3, false]]);
    said[0]?.onend?.(); // what a cancelled sentence tells says nothing of what was heard
    now = 60_000;
    one.pause(2, false);
    expect(said.slice(2).map(({ text }) => text)).toEqual(['three gigabytes left.', 'Anything else?']);
    said[2]?.onboundary?.({ charIndex: 6 });
    now = 60_100;
    one.stop();
    expect(told.at(-1)).toEqual([2, 800, 0, 0.5, false]);
    one.speak(2, 'en', ['You have three gigabytes left.', 'Anything else?'], 0);
    expect(said[4]?.text).toBe('gigabytes left.');
  });

  it('rather says some words again than leaves some out where the voice does not tell its words', () => {
    const one = reader();
    one.speak(2, 'en', ['You have three gigabytes left.'], 0);
    now = 1200;
    one.pause(2, true);
    one.pause(2, false);
    expect(said[1]?.text).toBe('three gigabytes left.');
    one.speak(4, 'zh', ['您还剩3.5GB流量。'], 0);
    now += 1500;
    one.pause(4, true);
    one.pause(4, false);
    expect(said[3]?.text).toBe('3.5GB流量。');
  });

  it('does not begin while somebody speaks', () => {
    const one = reader();
    one.pause(2, true);
    one.speak(2, 'zh', ['您好。'], 0);
    expect(said).toEqual([]);
    one.pause(2, false);
    expect(said.length).toBe(1);
  });

  it('takes a voice of the very language, on the customer’s own machine where there is one', () => {
    const voices: Partial<SpeechSynthesisVoice>[] = [
      { name: 'cantonese', lang: 'zh-HK', localService: true },
      { name: 'remote', lang: 'zh-CN', localService: false },
      { name: 'own', lang: 'zh_CN', localService: true },
    ];
    const chosen = (count: number, language: 'zh' | 'en' = 'zh') => {
      speech.getVoices = () => voices.slice(0, count) as SpeechSynthesisVoice[];
      reader().speak(2, language, ['您好。'], 0);
      return (said.at(-1)?.voice as SpeechSynthesisVoice | null)?.name;
    };
    expect([chosen(3), chosen(2), chosen(1)]).toEqual(['own', 'remote', 'cantonese']);
    expect(chosen(3, 'en')).toBeUndefined();
  });

  it('says that it is done where the browser has no voice', () => {
    new Reader(
      undefined,
      () => 0,
      (...played) => told.push(played),
      () => undefined,
    ).speak(2, 'zh', ['您好。'], 0);
    expect(told).toEqual([[2, 0, 1, 0, true]]);
  });
});

describe('voice', () => {
  class SilentContext {
    currentTime = 0;
    state = 'running';
    destination = {};
    createGain = () => ({ gain: { setTargetAtTime: () => undefined }, connect: () => undefined });
  }
  let sent: Record<string, unknown>[];
  let sound: number;
  let frame: (pcm: ArrayBuffer) => void;
  let closed: number;
  let linked: boolean;

  const made = (open?: () => Promise<never>) =>
    new Voice(
      {
        send: (one) => linked && !!sent.push(one as Record<string, unknown>),
        sendBinary: () => linked && !!(sound += 1),
        newId: () => 'v1',
      },
      '',
      open ??
        (async (_origin, captured) => {
          frame = captured;
          return { close: () => (closed += 1) };
        }),
    );

  beforeEach(() => {
    vi.stubGlobal('AudioContext', SilentContext);
    sent = [];
    sound = closed = 0;
    linked = true;
  });

  const gives = (voice: Voice, one: object) => voice.received(JSON.stringify(one));

  it('sends frames between voice_start and voice_end', async () => {
    const voice = made();
    await voice.start(true);
    expect(sent).toEqual([{ type: 'voice_start', id: 'v1', rate: 16000, hold: true, speak: true }]);
    frame(new ArrayBuffer(1024));
    expect(sound).toBe(1);
    voice.stop();
    expect(sent.at(-1)).toEqual({ type: 'voice_end', id: 'v1' });
    expect([voice.state.phase, closed]).toEqual(['ending', 1]);
    frame(new ArrayBuffer(1024));
    expect(sound).toBe(1);
    gives(voice, { type: 'voice_end', id: 'v1', why: 'released' });
    expect([voice.state.phase, voice.state.problem]).toEqual(['off', null]);
  });

  it('shows what is understood until it is a message', async () => {
    const voice = made();
    await voice.start(false);
    gives(voice, { type: 'transcript', id: 'v1', text: 'how much data', stable: 8, final: false });
    expect([voice.state.text, voice.state.stable]).toEqual(['how much data', 8]);
    gives(voice, { type: 'transcript', id: 'other', text: 'x', stable: 0, final: false });
    expect(voice.state.text).toBe('how much data');
    gives(voice, { type: 'transcript', id: 'v1', text: 'how much data?', stable: 14, final: true });
    expect(voice.state.text).toBe('');
  });

  it.each([
    ['silence', 'silence'],
    ['too_long', 'long'],
    ['too_fast', 'failed'],
  ])('closes the microphone when the server ends it (%s)', async (why, problem) => {
    const voice = made();
    await voice.start(false);
    gives(voice, { type: 'voice_end', id: 'v1', why });
    expect([voice.state.phase, voice.state.problem, closed]).toEqual(['off', problem, 1]);
  });

  it('says why there is no microphone', async () => {
    const voice = made(() => Promise.reject(new MicrophoneError('denied')));
    await voice.start(false);
    expect([voice.state.phase, voice.state.problem]).toEqual(['off', 'denied']);
    expect(sent).toEqual([]);
  });

  it('is off when the connection is lost, and when the button is let go too soon', async () => {
    const voice = made();
    await voice.start(false);
    linked = false;
    frame(new ArrayBuffer(1024));
    expect([voice.state.phase, voice.state.problem, closed]).toEqual(['off', 'lost', 1]);
    linked = true;
    const starting = voice.start(true);
    voice.stop();
    await starting;
    expect([voice.state.phase, closed]).toEqual(['off', 2]);
  });

  it('does not play what arrives while replies are not spoken', async () => {
    const voice = made();
    await voice.start(false);
    voice.setAloud(false);
    gives(voice, { type: 'audio', seq: 4, n: 0, rate: 22050, last: true });
    voice.received(new ArrayBuffer(10));
    gives(voice, { type: 'speak', seq: 5, language: 'zh', parts: ['您好'], from: 0 });
    expect(sent.slice(1)).toEqual([
      { type: 'played', seq: 4, ms: 0, done: true },
      { type: 'played', seq: 5, ms: 0, parts: 0, done: true },
    ]);
  });

  it('ignores what is no frame', async () => {
    const voice = made();
    for (const junk of ['', '[]', 'null', '{', '{"type":"audio"}', new ArrayBuffer(3), 7]) voice.received(junk);
    expect(voice.state.phase).toBe('off');
  });
});

it('measures loudness between nothing and everything', () => {
  expect(loudness(new Int16Array(512).buffer)).toBe(0);
  expect(loudness(new Int16Array(512).fill(32767).buffer)).toBeCloseTo(1, 3);
});
