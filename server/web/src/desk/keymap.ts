/**
 * The desk's keys: one table from which both the keyboard handler and the shortcut sheet are made.
 *
 * A key is written as `Alt+j`, `Ctrl+Enter`, `?`: modifiers first, then `KeyboardEvent.key`. Single keys hold outside
 * text fields only, and not at all where the agent has switched them off (WCAG 2.2, 2.1.4); what has a modifier holds everywhere.
 */

export type Command =
  | 'next' | 'previous' | 'open' | 'search' | 'tab1' | 'tab2' | 'tab3' | 'tab4' | 'tab5' | 'overview'
  | 'take' | 'message' | 'note' | 'suggestion' | 'sendSuggestion' | 'canned' | 'knowledge' | 'handBack' | 'transfer'
  | 'snooze' | 'close' | 'reopen' | 'contextTab' | 'transcript' | 'help' | 'escape';

export const KEY_GROUPS = ['queue', 'conversation', 'writing', 'everywhere'] as const;
export type KeyGroup = (typeof KEY_GROUPS)[number];

export interface KeyRow {
  keys: readonly string[];
  group: KeyGroup;
  commands: readonly Command[];
  /** The end of its text's key in the catalogue: `keys_…`. */
  text: string;
}

/** `keys[i]` does `commands[i]`; further keys do what the last command is. */
export const KEY_TABLE = [
  { keys: ['j', 'k'], commands: ['next', 'previous'], group: 'queue', text: 'move' },
  { keys: ['Enter'], commands: ['open'], group: 'queue', text: 'open' },
  { keys: ['1', '2', '3', '4', '5'], commands: ['tab1', 'tab2', 'tab3', 'tab4', 'tab5'], group: 'queue', text: 'tabs' },
  { keys: ['f'], commands: ['search'], group: 'queue', text: 'search' },
  { keys: ['t'], commands: ['take'], group: 'conversation', text: 'take' },
  { keys: ['h'], commands: ['handBack'], group: 'conversation', text: 'return' },
  { keys: ['w'], commands: ['transfer'], group: 'conversation', text: 'transfer' },
  { keys: ['z'], commands: ['snooze'], group: 'conversation', text: 'snooze' },
  { keys: ['x'], commands: ['close'], group: 'conversation', text: 'close' },
  { keys: ['o'], commands: ['reopen'], group: 'conversation', text: 'reopen' },
  { keys: ['c'], commands: ['contextTab'], group: 'conversation', text: 'context' },
  { keys: ['d'], commands: ['transcript'], group: 'conversation', text: 'transcript' },
  { keys: ['m', 'r'], commands: ['message'], group: 'writing', text: 'reply' },
  { keys: ['n'], commands: ['note'], group: 'writing', text: 'note' },
  { keys: ['s'], commands: ['sendSuggestion'], group: 'writing', text: 'sendSuggestion' },
  { keys: ['e'], commands: ['suggestion'], group: 'writing', text: 'suggestion' },
  { keys: ['/'], commands: ['canned'], group: 'writing', text: 'canned' },
  { keys: ['b'], commands: ['knowledge'], group: 'writing', text: 'knowledge' },
  { keys: ['Alt+ArrowDown', 'Alt+ArrowUp'], commands: ['next', 'previous'], group: 'everywhere', text: 'neighbour' },
  { keys: ['v'], commands: ['overview'], group: 'everywhere', text: 'overview' },
  { keys: ['?'], commands: ['help'], group: 'everywhere', text: 'help' },
  { keys: ['Escape'], commands: ['escape'], group: 'everywhere', text: 'escape' },
] as const satisfies readonly KeyRow[];

const BY_KEY = new Map<string, Command>();
for (const row of KEY_TABLE as readonly KeyRow[]) {
  row.keys.forEach((key, at) => {
    const command = row.commands[Math.min(at, row.commands.length - 1)];
    if (command !== undefined) BY_KEY.set(key, command);
  });
}

export interface KeyPress {
  key: string;
  altKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
  isComposing: boolean;
}

/** What a key press asks for; undefined where it belongs to the browser, an input method or a text field. */
export function commandFor(press: KeyPress, typing: boolean, singleKeys: boolean): Command | undefined {
  if (press.isComposing || press.ctrlKey || press.metaKey) return undefined;
  const command = BY_KEY.get(press.altKey ? `Alt+${press.key}` : press.key);
  if (command === undefined || press.altKey || command === 'escape') return command;
  return typing || !singleKeys ? undefined : command;
}
