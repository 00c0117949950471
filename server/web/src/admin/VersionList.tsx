/** Numbered versions of something, newest first: who published one and why, what it changed, and back to it. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { FormDialog } from '../shared/Dialog';
import { dateAndClock } from '../shared/time';
import { refusal } from './graph/graphApi';
import { useLoad, Waiting } from './load';
import { useShell } from './shell';

const TYPING_MS = 250;

interface Numbered {
  version: number;
  active: boolean;
  authorName: string;
  at: string;
  message: string;
}

interface Page<V> {
  versions: V[];
  next: number | null;
}

interface ListProps<V extends Numbered> {
  fetchPage(words: string, before?: number): Promise<Page<V>>;
  rollBack(version: number, message: string): Promise<unknown>;
  card(version: V, onBack: () => void): ComponentChildren;
  /** What the dialog shows before a version is brought back; without it the dialog asks for the message only. */
  beforeBack?(version: V): ComponentChildren;
  hint?: string;
}

export function VersionList<V extends Numbered>({ fetchPage, rollBack, card, beforeBack, hint }: ListProps<V>) {
  const { t, lang, say, fail } = useShell();
  const [typed, setTyped] = useState('');
  const [words, setWords] = useState('');
  const first = useLoad(() => fetchPage(words), [words]);
  const [older, setOlder] = useState<{ of: unknown } & Page<V>>({ of: null, versions: [], next: null });
  const [back, setBack] = useState<V | null>(null);

  useEffect(() => {
    const timer = setTimeout(() => setWords(typed.trim()), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);

  const more = older.of === first.data ? older : { of: first.data, versions: [], next: first.data?.next ?? null };
  const loadMore = async () => {
    if (more.next === null) return;
    try {
      const page = await fetchPage(words, more.next);
      setOlder({ of: first.data, versions: [...more.versions, ...page.versions], next: page.next });
    } catch (error) {
      fail(error);
    }
  };
  const roll = async (version: V, message: string) => {
    try {
      await rollBack(version.version, message);
      say(t('rolledBack', { n: version.version }));
      first.reload();
    } catch (error) {
      const told = refusal(error);
      fail(told ? new Error(told.text[lang]) : error);
    }
    setBack(null);
  };

  return (
    <>
      <label class="field">
        {t('historySearch')}
        <input type="search" value={typed} placeholder={hint} autocomplete="off" onInput={(event) => setTyped(event.currentTarget.value)} />
      </label>
      <Waiting of={first}>
        {({ versions }) => (
          <>
            {versions.length === 0 && <p class="empty card">{t('historyNone')}</p>}
            <ol class="versions">
              {[...versions, ...more.versions].map((one) => (
                <li key={one.version} class="card version">
                  {card(one, () => setBack(one))}
                </li>
              ))}
            </ol>
            {more.next !== null && (
              <button type="button" class="button outline more" onClick={loadMore}>
                {t('loadMore')}
              </button>
            )}
          </>
        )}
      </Waiting>
      {back && (
        <BackDialog version={back.version} onDo={(message) => roll(back, message)} onClose={() => setBack(null)}>
          {beforeBack?.(back)}
        </BackDialog>
      )}
    </>
  );
}

interface CardProps {
  version: Numbered;
  /** Where the version came from, where that was no publish. */
  origin: string;
  warning?: ComponentChildren;
  /** How much it changed; null where there is nothing before it. */
  counts: { added: number; changed: number; removed: number } | null;
  /** What it changed; asked for when it is to be shown. */
  changes(): ComponentChildren;
  onBack(): void;
  children?: ComponentChildren;
}

export function VersionCard({ version, origin, warning, counts, changes, onBack, children }: CardProps) {
  const { t, lang } = useShell();
  const [open, setOpen] = useState(false);
  return (
    <>
      <h3>
        {t('versionNumber', { n: version.version })}
        {version.active && <span class="live-mark">{t('inService')}</span>}
        <small>{[version.authorName, dateAndClock(version.at, lang)].filter(Boolean).join(' · ')}</small>
      </h3>
      <p>{version.message || origin || t('noMessage')}</p>
      {version.message && origin && <p class="faint">{origin}</p>}
      {warning}
      <div class="card-buttons">
        {counts && (
          <button type="button" class="button outline" aria-expanded={open} onClick={() => setOpen(!open)}>
            {t('versionChanges', counts)}
          </button>
        )}
        {!version.active && (
          <button type="button" class="button plain" onClick={onBack}>
            {t('rollBack')}
          </button>
        )}
        {children}
      </div>
      {open && counts && changes()}
    </>
  );
}

interface BackProps {
  version: number;
  onDo(message: string): void;
  onClose(): void;
  children?: ComponentChildren;
}

function BackDialog({ version, onDo, onClose, children }: BackProps) {
  const { t } = useShell();
  const [message, setMessage] = useState('');
  return (
    <FormDialog
      title={t('rollBackTo', { n: version })}
      action={t('rollBack')}
      wide={Boolean(children)}
      ready={message.trim() !== ''}
      onDo={() => onDo(message.trim())}
      onClose={onClose}
    >
      <div class="form-grid">
        {children}
        <label class="field">
          {t('publishMessage')}
          <input name="message" value={message} maxLength={500} onInput={(event) => setMessage(event.currentTarget.value)} />
        </label>
      </div>
    </FormDialog>
  );
}
