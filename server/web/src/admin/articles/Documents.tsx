/** A document cut into proposed articles: looked at, mended, joined or left out, and taken as drafts. */
import { useRef, useState } from 'preact/hooks';
import type { Lang } from '../../shared/frames';
import { RestError } from '../../shared/rest';
import { refusal } from '../graph/graphApi';
import { routeTo } from '../route';
import { useShell } from '../shell';
import { sendDocument, takePieces } from './articlesApi';
import type { Piece } from './articlesApi';

const MOST_BYTES = 10 * 1024 * 1024;
const TOO_LARGE = 413;
const ACCEPT = '.md,.markdown,.txt,.html,.htm,.pdf,.docx,.csv,.tsv';
const KEPT = 'kefu-document';

interface Proposed {
  name: string;
  pieces: (Piece & { use: boolean })[];
}

/** What is looked through survives a reload of the page. */
function remembered(): Proposed | null {
  try {
    const kept = sessionStorage.getItem(KEPT);
    return kept === null ? null : (JSON.parse(kept) as Proposed);
  } catch {
    return null;
  }
}

export function Documents() {
  const { t, lang, say, fail } = useShell();
  const [proposed, show] = useState<Proposed | null>(remembered);
  const [reading, setReading] = useState('');
  const [problem, setProblem] = useState('');
  const [over, setOver] = useState(false);
  const file = useRef<HTMLInputElement>(null);
  const setProposed = (next: Proposed | null) => {
    show(next);
    try {
      if (next === null) sessionStorage.removeItem(KEPT);
      else sessionStorage.setItem(KEPT, JSON.stringify(next));
    } catch {
      // A document too large to be kept is gone with the page.
    }
  };

  const read = async (given: File | undefined) => {
    if (!given) return;
    setProblem('');
    if (given.size > MOST_BYTES) return setProblem(t('documentsLarge'));
    setReading(given.name);
    try {
      setProposed({ name: given.name, pieces: (await sendDocument(given)).map((one) => ({ ...one, use: true })) });
    } catch (error) {
      const told = refusal(error);
      if (told) setProblem(told.text[lang]);
      else if (error instanceof RestError && error.status === TOO_LARGE) setProblem(t('documentsLarge'));
      else fail(error);
    }
    setReading('');
  };
  const take = async () => {
    const used = proposed?.pieces.filter((one) => one.use) ?? [];
    setProblem('');
    try {
      await takePieces(Object.fromEntries(used.map(({ id, language, title, category, summary, markdown }) => [id, { texts: { [language]: { title, category, summary, markdown } }, intents: [] }])));
      setProposed(null);
      say(t('documentsTaken', { n: used.length }));
      location.hash = routeTo('articles');
    } catch (error) {
      const told = refusal(error);
      if (told) setProblem(told.text[lang]);
      else fail(error);
    }
  };
  const change = (at: number, part: Partial<Proposed['pieces'][number]>) =>
    proposed && setProposed({ ...proposed, pieces: proposed.pieces.map((one, index) => (index === at ? { ...one, ...part } : one)) });
  const join = (at: number) => {
    const [above, own] = [proposed?.pieces[at - 1], proposed?.pieces[at]];
    if (!proposed || !above || !own) return;
    const joined = { ...above, markdown: [above.markdown, `## ${own.title}`, own.markdown].filter(Boolean).join('\n\n') };
    setProposed({ ...proposed, pieces: proposed.pieces.flatMap((one, index) => (index === at ? [] : index === at - 1 ? [joined] : [one])) });
  };

  const used = proposed?.pieces.filter((one) => one.use) ?? [];
  const ids = used.map((one) => one.id);
  const ready = used.length > 0 && new Set(ids).size === ids.length && ids.every((one) => /^[a-z0-9][a-z0-9_-]{0,63}$/.test(one)) && used.every((one) => one.title.trim() && one.markdown.trim());
  return (
    <>
      <p class="faint">{t('documentsAbout')}</p>
      {proposed === null && (
        <div
          class={`drop card${over ? ' over' : ''}`}
          onDragOver={(event) => {
            event.preventDefault();
            setOver(true);
          }}
          onDragLeave={() => setOver(false)}
          onDrop={(event) => {
            event.preventDefault();
            setOver(false);
            void read(event.dataTransfer?.files[0]);
          }}
        >
          <button type="button" class="button solid" disabled={reading !== ''} onClick={() => file.current?.click()}>
            {t('documentsDrop')}
          </button>
          <p class="faint">{t('documentsKinds')}</p>
          <input ref={file} type="file" hidden accept={ACCEPT} aria-label={t('documentsDrop')} onChange={(event) => (void read(event.currentTarget.files?.[0]), (event.currentTarget.value = ''))} />
          <p role="status">{reading && t('documentsReading', { name: reading })}</p>
        </div>
      )}
      <p class="problem" role="alert">
        {problem}
      </p>
      {proposed && (
        <>
          <div class="card drafts-bar">
            <p>{t('documentsFound', { n: proposed.pieces.length, name: proposed.name })}</p>
            <button type="button" class="button plain" onClick={() => setProposed(null)}>
              {t('documentsAgain')}
            </button>
            <button type="button" class="button solid" disabled={!ready} onClick={() => void take()}>
              {t('documentsTake', { n: used.length })}
            </button>
          </div>
          <ol class="pieces">
            {proposed.pieces.map((one, at) => (
              <PieceCard key={`${one.id} ${at}`} piece={one} first={at === 0} onChange={(part) => change(at, part)} onJoin={() => join(at)} />
            ))}
          </ol>
        </>
      )}
    </>
  );
}

interface PieceProps {
  piece: Proposed['pieces'][number];
  first: boolean;
  onChange(part: Partial<Proposed['pieces'][number]>): void;
  onJoin(): void;
}

function PieceCard({ piece, first, onChange, onJoin }: PieceProps) {
  const { t } = useShell();
  const field = (name: 'title' | 'id' | 'category', label: string) => (
    <label class="field">
      {label}
      <input name={name} value={piece[name]} disabled={!piece.use} onInput={(event) => onChange({ [name]: event.currentTarget.value })} />
    </label>
  );
  return (
    <li class={`card piece${piece.use ? '' : ' unused'}`}>
      <div class="article-line">
        <label class="check">
          <input type="checkbox" checked={piece.use} onChange={(event) => onChange({ use: event.currentTarget.checked })} /> {t('documentsUse')}: <strong>{piece.title}</strong>
        </label>
        {!first && (
          <button type="button" class="button plain" onClick={onJoin}>
            {t('documentsMerge')}
          </button>
        )}
      </div>
      {piece.use && (
        <>
          <div class="piece-fields">
            {field('title', t('field_article_title'))}
            {field('id', t('articleId'))}
            {field('category', t('field_article_category'))}
            <label class="field">
              {t('documentsLanguage')}
              <select value={piece.language} onChange={(event) => onChange({ language: event.currentTarget.value as Lang })}>
                <option value="zh">{t('chinese')}</option>
                <option value="en">{t('english')}</option>
              </select>
            </label>
          </div>
          <label class="field">
            {t('field_article_summary')}
            <input name="summary" value={piece.summary} onInput={(event) => onChange({ summary: event.currentTarget.value })} />
          </label>
          <label class="field">
            {t('field_article_markdown')}
            <textarea rows={6} name="markdown" value={piece.markdown} onInput={(event) => onChange({ markdown: event.currentTarget.value })} />
          </label>
        </>
      )}
    </li>
  );
}
