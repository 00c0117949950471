/** Canned replies: finding one after a slash, and filling in what it leaves open; pure. */

export interface Canned {
  id: string;
  /** What is typed after the slash. */
  shortcut: string;
  title: string;
  /** With variables in braces: {customer}. */
  text: string;
}

export interface Slash {
  /** Where the slash stands in the text, and the end of what follows it. */
  from: number;
  to: number;
  query: string;
}

/** The slash that the caret follows: at the beginning of the text or after a space, with no space behind it. */
export function slashAt(value: string, caret: number): Slash | null {
  const match = /(^|\s)\/(\S*)$/.exec(value.slice(0, caret));
  if (!match) return null;
  const query = match[2] ?? '';
  return { from: caret - query.length - 1, to: caret, query };
}

/** The replies that fit, best first: shortcuts that begin with the query, then titles and texts that contain it. */
export function fitting(replies: readonly Canned[], query: string): Canned[] {
  const wanted = query.toLowerCase();
  const rank = ({ shortcut, title, text }: Canned): number => {
    if (shortcut.toLowerCase().startsWith(wanted)) return 0;
    if (title.toLowerCase().includes(wanted)) return 1;
    return shortcut.toLowerCase().includes(wanted) || text.toLowerCase().includes(wanted) ? 2 : 3;
  };
  return replies
    .map((reply) => ({ reply, at: rank(reply) }))
    .filter(({ at }) => at < 3)
    .sort((a, b) => a.at - b.at || a.reply.shortcut.localeCompare(b.reply.shortcut))
    .map(({ reply }) => reply);
}

/** The text with its variables filled in; a variable without a value stays as it is, to be seen and replaced by hand. */
export function filled(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) && values[name] ? values[name] : whole,
  );
}

/** The first variable left open, to be selected; null where there is none. */
export function openVariable(text: string): { from: number; to: number } | null {
  const match = /\{\w+\}/.exec(text);
  return match ? { from: match.index, to: match.index + match[0].length } : null;
}
