/** A conversation as a text file, for the customer to keep; pure but for `save`. */
import type { ChatMessage } from './frames';

export interface TranscriptWords {
  title: string;
  you: string;
  assistant: string;
  agent: string;
  picture: string;
  /** A moment in words. */
  time(at: string): string;
}

export function transcriptText(messages: readonly ChatMessage[], words: TranscriptWords): string {
  const lines = messages.map((message) => {
    const who = { customer: words.you, bot: words.assistant, agent: message.name ?? words.agent, system: '—', note: '' }[message.role];
    const said = [message.image ? `[${words.picture}]` : '', message.text].filter(Boolean).join(' ');
    const sources = (message.citations ?? []).map(({ title }) => `\n    ↗ ${title}`).join('');
    return `${words.time(message.at)}  ${who}\n    ${said.replace(/\n/g, '\n    ')}${sources}`;
  });
  return `${words.title}\n\n${lines.join('\n\n')}\n`;
}

/** Hands the browser a text file to keep. */
export function save(name: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type: 'text/plain;charset=utf-8' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
