/**
 * The formulas of causes, as the graph writes them: `a or (b and not c)`, `2 of (a, b, c)`, `nand(a, b)`.
 *
 * Read only as far as the editor changes them: which nodes a formula names, and how it reads with one more, one less or
 * under another name. The server decides whether it is right.
 */

export type Formula =
  | { op: 'event'; name: string }
  | { op: 'const'; value: boolean }
  | { op: 'not'; args: readonly Formula[] }
  | { op: 'and' | 'or' | 'xor'; args: readonly Formula[] }
  | { op: 'of'; low: number; high: number | null; args: readonly Formula[] }
  | { op: 'call'; name: string; args: readonly Formula[] };

const TOKEN = /\s*(?:(\d+)(?=\s+(?:of|to)\b)|([\p{L}\p{N}_.-]+)|([(),]))/uy;
const FUNCTIONS = new Set(['nand', 'nor', 'imply', 'iff']);
const RESERVED = new Set(['and', 'or', 'not', 'xor', 'of', 'to', 'true', 'false', ...FUNCTIONS]);
const MAX_DEPTH = 60;

export const isReserved = (word: string): boolean => RESERVED.has(word);

function tokens(text: string): string[] | null {
  const found: string[] = [];
  let at = 0;
  while (text.slice(at).trim()) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (!match) return null;
    found.push(match[1] ?? match[2] ?? match[3] ?? '');
    at = TOKEN.lastIndex;
  }
  return found;
}

class Parser {
  at = 0;
  depth = 0;
  constructor(readonly words: readonly string[]) {}

  take(word: string): void {
    if (this.words[this.at] !== word) throw new SyntaxError(word);
    this.at += 1;
  }

  chain(op: 'or' | 'xor' | 'and', operand: () => Formula): Formula {
    const args = [operand()];
    while (this.words[this.at] === op) {
      this.at += 1;
      args.push(operand());
    }
    const [only] = args;
    return args.length === 1 && only ? only : { op, args };
  }

  whole(): Formula {
    this.depth += 1;
    if (this.depth > MAX_DEPTH) throw new SyntaxError('too deep');
    const found = this.chain('or', () => this.chain('xor', () => this.chain('and', () => this.factor())));
    this.depth -= 1;
    return found;
  }

  list(): Formula[] {
    this.take('(');
    const args = [this.whole()];
    while (this.words[this.at] === ',') {
      this.at += 1;
      args.push(this.whole());
    }
    this.take(')');
    return args;
  }

  factor(): Formula {
    const word = this.words[this.at] ?? '';
    const next = this.words[this.at + 1] ?? '';
    this.at += 1;
    if (word === 'not') {
      this.depth += 1;
      if (this.depth > MAX_DEPTH) throw new SyntaxError('too deep');
      const arg = this.factor();
      this.depth -= 1;
      return { op: 'not', args: [arg] };
    }
    if (word === '(') {
      const inner = this.whole();
      this.take(')');
      return inner;
    }
    if (/^\d+$/.test(word) && (next === 'of' || next === 'to')) {
      let high: number | null = null;
      if (next === 'to') {
        high = Number(this.words[this.at + 1]);
        this.at += 2;
      }
      this.take('of');
      return { op: 'of', low: Number(word), high, args: this.list() };
    }
    if (FUNCTIONS.has(word)) return { op: 'call', name: word, args: this.list() };
    if (word === 'true' || word === 'false') return { op: 'const', value: word === 'true' };
    if (!word || RESERVED.has(word) || /^[(),]$/.test(word)) throw new SyntaxError(word);
    return { op: 'event', name: word };
  }
}

/** The formula of a text; null where it cannot be read. */
export function parse(text: string): Formula | null {
  const words = tokens(text);
  if (!words?.length) return null;
  const parser = new Parser(words);
  try {
    const found = parser.whole();
    return parser.at === words.length ? found : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

const BINDING = { or: 1, xor: 2, and: 3, not: 4 } as const;

export function write(formula: Formula, outer = 0): string {
  switch (formula.op) {
    case 'event':
      return formula.name;
    case 'const':
      return String(formula.value);
    case 'of':
      return `${formula.low}${formula.high === null ? '' : ` to ${formula.high}`} of (${formula.args.map((arg) => write(arg)).join(', ')})`;
    case 'call':
      return `${formula.name}(${formula.args.map((arg) => write(arg)).join(', ')})`;
    case 'not':
      return `not ${formula.args.map((arg) => write(arg, BINDING.not)).join('')}`;
    default: {
      const own = BINDING[formula.op];
      const text = formula.args.map((arg) => write(arg, own + 1)).join(` ${formula.op} `);
      return own < outer ? `(${text})` : text;
    }
  }
}

/** The nodes that a formula names, each once; of one that cannot be read, every word that may be a name. */
export function events(text: string): string[] {
  const formula = parse(text);
  const found = new Set<string>();
  if (formula === null) {
    for (const [word] of text.matchAll(/[\p{L}\p{N}_.-]+/gu)) if (!RESERVED.has(word) && !/^\d+$/.test(word)) found.add(word);
    return [...found];
  }
  const walk = (part: Formula): void => {
    if (part.op === 'event') found.add(part.name);
    else if (part.op !== 'const') part.args.forEach(walk);
  };
  walk(formula);
  return [...found];
}

/** With one more cause: `or` to what is there, unless the formula is another plain list, which it then joins. */
export function withEvent(text: string, name: string): string {
  const formula = parse(text);
  const event: Formula = { op: 'event', name };
  if (formula === null) return text.trim() ? text : name;
  if (events(text).includes(name)) return text;
  if (formula.op === 'and' || formula.op === 'or' || formula.op === 'of') return write({ ...formula, args: [...formula.args, event] });
  return write({ op: 'or', args: [formula, event] });
}

/** Without a cause; empty where nothing is left. A formula that cannot be read stays. */
export function withoutEvent(text: string, name: string): string {
  const formula = parse(text);
  if (formula === null) return text;
  const left = without(formula, name);
  return left === null ? '' : write(left);
}

function without(part: Formula, name: string): Formula | null {
  if (part.op === 'event') return part.name === name ? null : part;
  if (part.op === 'const') return part;
  const args = part.args.flatMap((arg) => without(arg, name) ?? []);
  const [only] = args;
  if (only === undefined) return null;
  if ((part.op === 'and' || part.op === 'or' || part.op === 'xor') && args.length === 1) return only;
  if (part.op === 'of') return { ...part, low: Math.min(part.low, args.length), args };
  return { ...part, args };
}

export function renamed(text: string, from: string, to: string): string {
  const formula = parse(text);
  if (formula === null) return text;
  const walk = (part: Formula): Formula => {
    if (part.op === 'event') return part.name === from ? { op: 'event', name: to } : part;
    return part.op === 'const' ? part : { ...part, args: part.args.map(walk) };
  };
  return write(walk(formula));
}

/** A formula that is one list of nodes: what people choose from without knowing how formulas are written. */
export interface PlainList {
  how: 'any' | 'all' | 'least';
  /** For `least`: how many. */
  low: number;
  names: readonly string[];
}

/** The formula as a plain list; null where it is more than that. */
export function asList(text: string): PlainList | null {
  if (!text.trim()) return { how: 'any', low: 1, names: [] };
  const formula = parse(text);
  if (formula === null) return null;
  if (formula.op === 'event') return { how: 'any', low: 1, names: [formula.name] };
  if (formula.op !== 'and' && formula.op !== 'or' && !(formula.op === 'of' && formula.high === null)) return null;
  const names = formula.args.flatMap((arg) => (arg.op === 'event' ? [arg.name] : []));
  if (names.length !== formula.args.length) return null;
  return { how: formula.op === 'and' ? 'all' : formula.op === 'or' ? 'any' : 'least', low: formula.op === 'of' ? formula.low : 1, names };
}

export function fromList({ how, low, names }: PlainList): string {
  if (names.length === 0) return '';
  if (how === 'least') return `${Math.max(1, Math.min(low, names.length))} of (${names.join(', ')})`;
  return names.join(how === 'all' ? ' and ' : ' or ');
}
