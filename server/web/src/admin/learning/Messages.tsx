/** The review list, message by message; j and k walk, the digits take a proposal. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { dateAndClock } from '../../shared/time';
import { useLoad, Waiting } from '../load';
import { useShell } from '../shell';
import { IntentChoice, LastAct, nameOf, useLabelling } from './labelling';
import type { Labelling } from './labelling';
import { fetchIntents, fetchReview, settleLabel, STATES, WHYS } from './reviewApi';
import type { Item, KnownIntent, Span, Wanted } from './reviewApi';

const TYPING_MS = 250;
const PROPOSALS = 9;

export function Messages() {
  const { t, fail } = useShell();
  const [wanted, setWanted] = useState<Wanted>({ state: 'open', why: '', language: '', words: '' });
  const [typed, setTyped] = useState('');
  const first = useLoad(() => fetchReview(wanted), [wanted]);
  const known = useLoad(fetchIntents, []);
  const [more, setMore] = useState<{ items: Item[]; next: number | null } | null>(null);
  const [chosen, setChosen] = useState<ReadonlySet<number>>(new Set());
  const [at, setAt] = useState(0);
  const intents = known.data ?? [];
  const labelling = useLabelling(intents, () => {
    setChosen(new Set());
    first.reload();
  });

  useEffect(() => setMore(null), [first.data]);
  useEffect(() => {
    const timer = setTimeout(() => setWanted((was) => (was.words === typed ? was : { ...was, words: typed })), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);

  const items = [...(first.data?.items ?? []), ...(more?.items ?? [])];
  const next = more ? more.next : (first.data?.next ?? null);
  const index = Math.min(at, Math.max(0, items.length - 1));
  const current = items[index];
  const workable = wanted.state === 'open';

  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) || document.querySelector('dialog[open]')) return;
      const digit = Number(event.key);
      const proposal = digit >= 1 && digit <= PROPOSALS ? current?.ranking[digit - 1]?.name : undefined;
      const ids = chosen.size > 0 ? [...chosen] : current ? [current.id] : [];
      if (event.key === 'j') setAt(Math.min(index + 1, items.length - 1));
      else if (event.key === 'k') setAt(Math.max(0, index - 1));
      else if (event.key === 'u') void labelling.undo();
      else if (!workable || ids.length === 0) return;
      else if (proposal) void labelling.give(ids, 'intent', proposal);
      else if (event.key === 'o') void labelling.give(ids, 'out_of_scope');
      else if (event.key === 'n') void labelling.give(ids, 'not_a_question');
      else if (event.key === 'x' && current) setChosen(toggled(chosen, current.id));
      else return;
      event.preventDefault();
    };
    document.addEventListener('keydown', key);
    return () => document.removeEventListener('keydown', key);
  });

  const loadMore = async () => {
    if (next === null) return;
    try {
      const page = await fetchReview(wanted, next);
      setMore({ items: [...(more?.items ?? []), ...page.items], next: page.next });
    } catch (error) {
      fail(error);
    }
  };
  const select = (name: 'state' | 'why' | 'language', label: string, options: readonly (readonly [string, string])[]) => (
    <label class="field">
      {label}
      <select value={wanted[name]} onChange={(event) => setWanted({ ...wanted, [name]: event.currentTarget.value })}>
        {options.map(([value, shown]) => (
          <option key={value} value={value}>
            {shown}
          </option>
        ))}
      </select>
    </label>
  );

  return (
    <>
      <div class="filters review-filters" role="search">
        <label class="field">
          {t('auditWords')}
          <input type="search" value={typed} autocomplete="off" onInput={(event) => setTyped(event.currentTarget.value)} />
        </label>
        {select('state', t('reviewState'), STATES.map((one) => [one, t(`review_${one}`)] as const))}
        {select('why', t('reviewWhy'), [['', t('reviewAll')] as const, ...WHYS.map((one) => [one, t(`why_${one}`)] as const)])}
        {select('language', t('reviewLanguage'), [['', t('reviewAll')], ['zh', t('chinese')], ['en', t('english')]])}
      </div>
      <p class="faint keys">{t('reviewKeys')}</p>
      <LastAct labelling={labelling} />
      {workable && chosen.size > 0 && (
        <div class="card bulk" role="group" aria-label={t('reviewChosen', { n: chosen.size })}>
          <strong>{t('reviewChosen', { n: chosen.size })}</strong>
          <IntentChoice intents={intents} onTake={(intent) => labelling.give([...chosen], 'intent', intent)} />
          <Others ids={[...chosen]} labelling={labelling} />
        </div>
      )}
      <Waiting of={first}>
        {(page) =>
          items.length === 0 ? (
            <p class="empty card">{t('reviewNone')}</p>
          ) : (
            <>
              <ol class="review">
                {items.map((item, place) => (
                  <Row
                    key={item.id}
                    {...{ item, intents, labelling, workable }}
                    kinds={page.kinds}
                    current={place === index}
                    chosen={chosen.has(item.id)}
                    onChoose={() => setChosen(toggled(chosen, item.id))}
                    onOpen={() => setAt(place)}
                  />
                ))}
              </ol>
              {next !== null && (
                <button type="button" class="button outline more" onClick={loadMore}>
                  {t('loadMore')}
                </button>
              )}
            </>
          )
        }
      </Waiting>
    </>
  );
}

const toggled = (set: ReadonlySet<number>, one: number): ReadonlySet<number> => {
  const next = new Set(set);
  if (!next.delete(one)) next.add(one);
  return next;
};

function Others({ ids, labelling }: { ids: readonly number[]; labelling: Labelling }) {
  const { t } = useShell();
  return (
    <>
      <button type="button" class="button outline" onClick={() => labelling.give(ids, 'out_of_scope')}>
        {t('verdict_out_of_scope')} <kbd>o</kbd>
      </button>
      <button type="button" class="button outline" onClick={() => labelling.give(ids, 'not_a_question')}>
        {t('verdict_not_a_question')} <kbd>n</kbd>
      </button>
    </>
  );
}

interface RowProps {
  item: Item;
  intents: readonly KnownIntent[];
  kinds: readonly string[];
  labelling: Labelling;
  workable: boolean;
  current: boolean;
  chosen: boolean;
  onChoose(): void;
  onOpen(): void;
}

function Row({ item, intents, kinds, labelling, workable, current, chosen, onChoose, onOpen }: RowProps) {
  const { t, lang } = useShell();
  const row = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (current) row.current?.scrollIntoView({ block: 'nearest' });
  }, [current]);
  return (
    <li ref={row} class={`card review-item${current ? ' current' : ''}`} aria-current={current ? 'true' : undefined} onClick={onOpen}>
      <div class="review-head">
        {workable && <input type="checkbox" checked={chosen} aria-label={t('reviewChoose', { text: item.text })} onChange={onChoose} />}
        <button type="button" class="review-text" lang={item.language} aria-expanded={current} onClick={onOpen}>
          {item.text}
        </button>
      </div>
      <p class="faint review-facts">
        {item.why.map((why) => (
          <span class="chip" key={why}>
            {t(`why_${why as (typeof WHYS)[number]}`)}
          </span>
        ))}
        <span>{item.intent ? t('reviewUnderstood', { intent: nameOf(intents, item.intent, lang), share: percent(item.confidence) }) : t('reviewNothing')}</span>
        <time dateTime={item.at}>{dateAndClock(item.at, lang)}</time>
      </p>
      {current && <Details {...{ item, intents, kinds, labelling, workable }} />}
    </li>
  );
}

const percent = (share: number): string => `${Math.round(share * 100)}%`;

function Details({ item, intents, kinds, labelling, workable }: Pick<RowProps, 'item' | 'intents' | 'kinds' | 'labelling' | 'workable'>) {
  const { t, lang, fail } = useShell();
  const [marks, setMarks] = useState<readonly Span[] | undefined>();
  const give = (intent: string) => labelling.give([item.id], 'intent', intent, marks);
  const settle = async (label: number) => {
    try {
      labelling.did({ batch: await settleLabel(label), text: t('labelSettled'), conflicts: 0 });
    } catch (error) {
      fail(error);
    }
  };
  return (
    <div class="review-details">
      {item.botText && (
        <p class="bot-said" lang={item.language}>
          <span class="faint">{t('reviewBot')}</span> {item.botText}
        </p>
      )}
      {item.labels.length > 0 && (
        <ul class="given">
          {item.labels.map((label) => (
            <li key={label.id}>
              <span>
                <strong>{label.verdict === 'intent' ? nameOf(intents, label.intent, lang) : t(`verdict_${label.verdict as 'out_of_scope'}`)}</strong>{' '}
                <span class="faint">{t('labelBy', { name: label.by, at: dateAndClock(label.at, lang) })}</span>
              </span>
              {label.state === 'conflict' && (
                <button type="button" class="button outline" onClick={() => settle(label.id)}>
                  {t('labelCounts')}
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
      {workable && (
        <>
          <div class="proposals">
            {item.ranking.slice(0, PROPOSALS).map((one, place) => (
              <button type="button" class="button outline" key={one.name} onClick={() => give(one.name)}>
                <kbd>{place + 1}</kbd> {nameOf(intents, one.name, lang)} <span class="faint">{percent(one.confidence)}</span>
              </button>
            ))}
          </div>
          <div class="proposals">
            <IntentChoice intents={intents} onTake={give} />
            <Others ids={[item.id]} labelling={labelling} />
          </div>
          {kinds.length > 0 && <Marks text={item.text} spans={marks ?? item.entities} kinds={kinds} onChange={setMarks} />}
        </>
      )}
      <p>
        <a href={`/desk#c/${encodeURIComponent(item.conversation)}`}>{t('reviewConversation')}</a>
      </p>
    </div>
  );
}

/** Places in a text: the browser counts UTF-16 units, the server code points. */
const points = (text: string, units: number): number => [...text.slice(0, units)].length;

/** The details in the text; the text is a field, so that a span is chosen by mouse, finger or Shift and arrows alike. */
function Marks({ text, spans, kinds, onChange }: { text: string; spans: readonly Span[]; kinds: readonly string[]; onChange(spans: readonly Span[]): void }) {
  const { t, coded } = useShell();
  const field = useRef<HTMLInputElement>(null);
  const [kind, setKind] = useState('');
  const letters = [...text];
  const mark = () => {
    const box = field.current;
    if (!box || !kind || box.selectionStart === null || box.selectionEnd === null || box.selectionStart === box.selectionEnd) return;
    const [start, end] = [points(text, box.selectionStart), points(text, box.selectionEnd)];
    const apart = spans.filter((one) => one.end <= start || one.start >= end);
    onChange([...apart, { start, end, entity: kind }].sort((a, b) => a.start - b.start));
  };
  return (
    <details class="marks">
      <summary>{t('marks', { n: spans.length })}</summary>
      <ul>
        {spans.map((span) => (
          <li key={`${span.start} ${span.entity}`}>
            <span>
              <mark>{letters.slice(span.start, span.end).join('')}</mark> {coded('detail', span.entity)}
            </span>
            <button type="button" class="text-button" onClick={() => onChange(spans.filter((one) => one !== span))}>
              {t('remove')}
            </button>
          </li>
        ))}
      </ul>
      <label class="field">
        {t('marksSelect')}
        <input ref={field} readOnly value={text} />
      </label>
      <span class="intent-choice">
        <select aria-label={t('marksKind')} value={kind} onChange={(event) => setKind(event.currentTarget.value)}>
          <option value="">{t('marksKind')}</option>
          {kinds.map((one) => (
            <option key={one} value={one}>
              {coded('detail', one)}
            </option>
          ))}
        </select>
        <button type="button" class="button outline" disabled={!kind} onMouseDown={(event) => event.preventDefault()} onClick={mark}>
          {t('marksAdd')}
        </button>
      </span>
      <p class="faint">{t('marksHint')}</p>
    </details>
  );
}
