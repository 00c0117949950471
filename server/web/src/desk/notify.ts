/** What calls an agent who looks elsewhere: a sound and the system's own notifications, both only where asked for. */

const KEYS = { sound: 'kefu:desk:sound', notifications: 'kefu:desk:notifications', singleKeys: 'kefu:desk:single-keys' } as const;
export type Wish = keyof typeof KEYS;

/** Sounds and notifications are opted into; single keys are the desk's habit until somebody switches them off. */
const UNLESS_SAID: Record<Wish, boolean> = { sound: false, notifications: false, singleKeys: true };

export function wished(wish: Wish): boolean {
  try {
    const stored = localStorage.getItem(KEYS[wish]);
    return stored === null ? UNLESS_SAID[wish] : stored === 'on';
  } catch {
    return UNLESS_SAID[wish];
  }
}

export function rememberWish(wish: Wish, on: boolean): void {
  try {
    localStorage.setItem(KEYS[wish], on ? 'on' : 'off');
  } catch {
    // Remembered only until the page is left.
  }
}

let audio: AudioContext | null = null;

/** Two short soft tones. Browsers stay silent until the page was clicked once. */
export function ring(): void {
  try {
    audio ??= new AudioContext();
    const context = audio;
    void context.resume();
    [660, 880].forEach((frequency, index) => {
      const from = context.currentTime + index * 0.13;
      const tone = context.createOscillator();
      const level = context.createGain();
      tone.frequency.value = frequency;
      level.gain.setValueAtTime(0, from);
      level.gain.linearRampToValueAtTime(0.12, from + 0.02);
      level.gain.exponentialRampToValueAtTime(0.001, from + 0.22);
      tone.connect(level).connect(context.destination);
      tone.start(from);
      tone.stop(from + 0.24);
    });
  } catch {
    // No sound device: the title still tells.
  }
}

/** Asks the browser for leave to notify; false where it or the agent refuses. Must follow a click. */
export async function mayNotify(): Promise<boolean> {
  if (typeof Notification === 'undefined') return false;
  return (Notification.permission === 'default' ? await Notification.requestPermission() : Notification.permission) === 'granted';
}

/** A notification, where the page is out of sight. `tag`: a newer one about the same thing takes its place. */
export function notify(title: string, body: string, tag: string, onClick: () => void): void {
  if (document.visibilityState === 'visible' && document.hasFocus()) return;
  try {
    const shown = new Notification(title, { body, tag, icon: '/icon.svg' });
    shown.onclick = () => {
      window.focus();
      shown.close();
      onClick();
    };
  } catch {
    // Phones allow notifications from service workers only; the sound and the title remain.
  }
}
