/** How talking stands: what the chat shows of it, also before its code is loaded. */
import type { Problem } from './microphone';

export type VoicePhase = 'off' | 'starting' | 'on' | 'ending';

export interface VoiceState {
  phase: VoicePhase;
  /** Press-and-talk: on as long as the button is held. */
  hold: boolean;
  /** Loudness, 0 to 1. */
  level: number;
  /** What was understood so far; the first `stable` characters will not change. */
  text: string;
  stable: number;
  /** A reply is being spoken. */
  speaking: boolean;
  /** Replies are spoken. */
  aloud: boolean;
  /** Why the microphone is off, where the customer did not switch it off. */
  problem: Problem | 'lost' | 'silence' | 'long' | 'busy' | null;
}

export const OFF: VoiceState = {
  phase: 'off',
  hold: false,
  level: 0,
  text: '',
  stable: 0,
  speaking: false,
  aloud: true,
  problem: null,
};
