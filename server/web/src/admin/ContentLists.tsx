/** What customers must be met with care for, and what the bot must not say. */
import { useEffect, useState } from 'preact/hooks';
import { useLoad, Waiting } from './load';
import { CONTENT_CLASSES, fetchLists, saveLists, tryLists } from './safetyApi';
import type { ContentClass, Found, Lists } from './safetyApi';
import { useShell } from './shell';

const TYPING_MS = 250;

export function ContentLists() {
  const { t } = useShell();
  const loaded = useLoad(fetchLists, []);
  return (
    <>
      <div class="page-head">
        <h2>{t('page_content')}</h2>
        <p>{t('contentAbout')}</p>
      </div>
      <TryText />
      <Waiting of={loaded}>{(lists) => <Editor lists={lists} onSaved={loaded.setData} />}</Waiting>
    </>
  );
}

/** One phrase a line, as they are typed: only what is saved is cut into a list. */
type Drafts = Record<ContentClass, { phrases: string; harmless: string }>;

const written = (lists: Lists): Drafts =>
  Object.fromEntries(
    CONTENT_CLASSES.map((name) => [name, { phrases: lists[name].phrases.join('\n'), harmless: lists[name].harmless.join('\n') }]),
  ) as Drafts;

const phrases = (value: string): string[] => [...new Set(value.split('\n').map((line) => line.trim()).filter(Boolean))];

const read = (drafts: Drafts): Lists =>
  Object.fromEntries(
    CONTENT_CLASSES.map((name) => [name, { phrases: phrases(drafts[name].phrases), harmless: phrases(drafts[name].harmless) }]),
  ) as Lists;

function Editor({ lists, onSaved }: { lists: Lists; onSaved(lists: Lists): void }) {
  const { t, say, fail } = useShell();
  const [drafts, setDrafts] = useState(() => written(lists));
  const [busy, setBusy] = useState(false);
  const changed = JSON.stringify(read(drafts)) !== JSON.stringify(lists);

  const save = async () => {
    setBusy(true);
    try {
      const saved = await saveLists(read(drafts));
      onSaved(saved);
      setDrafts(written(saved));
      say(t('contentSaved'));
    } catch (error) {
      fail(error);
    }
    setBusy(false);
  };

  return (
    <>
      {CONTENT_CLASSES.map((name) => (
        <section class="card lists" key={name}>
          <h3>{t(`class_${name}`)}</h3>
          <p class="faint">{t(`class_about_${name}`)}</p>
          <div class="side-by-side">
            {(['phrases', 'harmless'] as const).map((part) => (
              <label class="field" key={part}>
                {t(part === 'phrases' ? 'contentPhrases' : 'contentHarmless')}
                <textarea
                  rows={6}
                  value={drafts[name][part]}
                  spellcheck={false}
                  onInput={(event) => setDrafts({ ...drafts, [name]: { ...drafts[name], [part]: event.currentTarget.value } })}
                />
              </label>
            ))}
          </div>
        </section>
      ))}
      <div class="save-bar">
        <span class="faint">{changed ? t('unsaved') : t('contentInForce')}</span>
        <button type="button" class="button outline" disabled={!changed || busy} onClick={() => setDrafts(written(lists))}>
          {t('discard')}
        </button>
        <button type="button" class="button solid" disabled={!changed || busy} onClick={save}>
          {t('save')}
        </button>
      </div>
    </>
  );
}

function TryText() {
  const { t, fail } = useShell();
  const [words, setWords] = useState('');
  const [found, setFound] = useState<{ customer: Found | null; reply: Found | null } | null>(null);

  useEffect(() => {
    if (!words.trim()) {
      setFound(null);
      return;
    }
    let current = true;
    const timer = setTimeout(() => tryLists(words).then((answer) => current && setFound(answer), fail), TYPING_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [words]);

  const told = (one: Found | null) => (one ? t('contentFound', { kind: t(`class_${one.kind as ContentClass}`), phrase: one.phrase }) : t('contentFine'));
  return (
    <section class="card">
      <label class="field">
        {t('contentTry')}
        <input value={words} maxLength={4000} autocomplete="off" onInput={(event) => setWords(event.currentTarget.value)} />
      </label>
      <dl class="verdicts" aria-live="polite">
        {found && (
          <>
            <div>
              <dt>{t('contentFromCustomer')}</dt>
              <dd class={found.customer ? 'warned' : ''}>{told(found.customer)}</dd>
            </div>
            <div>
              <dt>{t('contentAsReply')}</dt>
              <dd class={found.reply ? 'warned' : ''}>{told(found.reply)}</dd>
            </div>
          </>
        )}
      </dl>
    </section>
  );
}
