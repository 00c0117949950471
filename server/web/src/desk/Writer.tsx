/** Writing in a conversation: answers and notes, with canned replies, the knowledge base and pictures at hand. */
import type { RefObject } from 'preact';
import { useEffect, useImperativeHandle, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { BookIcon, CloseIcon, PictureIcon, SlashIcon, TranslateIcon } from '../shared/icons';
import type { Picture } from '../shared/frames';
import { sendsMessage } from '../shared/keys';
import { PICTURE_TYPES, hasWords, mebibytes, pictureOf, refusal, uploadPicture } from '../shared/pictures';
import { MESSAGE_LIMIT, codePoints } from '../shared/text';
import { openVariable, slashAt } from './canned';
import type { Slash } from './canned';
import { CannedPicker } from './CannedPicker';
import type { PickerHandle } from './CannedPicker';
import type { DeskClient } from './deskClient';
import type { DeskState, Thread } from './deskTypes';
import { KnowledgePicker } from './KnowledgePicker';
import { useShell } from './shell';
import { otherLang, translationOf } from './translation';

const TALLEST_PX = 180;

type Kind = 'message' | 'note';

/** Unsent words, kept while another conversation is on the screen. */
const drafts = new Map<string, string>();
/** Conversations whose suggested reply was used or put aside. */
const spent = new Set<string>();

export interface WriterHandle {
  /** Puts the cursor into the text field. */
  write(kind: Kind): void;
  insert(text: string): void;
  /** Puts the suggested reply into the text field, or sends it as it is. */
  suggestion(how: 'edit' | 'send'): void;
  canned(): void;
  knowledge(): void;
}

interface WriterProps {
  client: DeskClient;
  state: DeskState;
  thread: Thread;
  conversation: string;
  /** What the one who has the conversation is called. */
  agent: string;
  mine: boolean;
  suggestion: string;
  handle: RefObject<WriterHandle | null>;
}

export function Writer({ client, state, thread, conversation, agent, mine, suggestion, handle }: WriterProps) {
  const { t, lang } = useShell();
  const [wanted, setWanted] = useState<Kind>('message');
  const [value, setValue] = useState(drafts.get(conversation) ?? '');
  const [slash, setSlash] = useState<Slash | null>(null);
  /** Id of the canned reply that Enter would choose. */
  const [active, setActive] = useState('');
  const [knowledge, setKnowledge] = useState(false);
  const [picture, setPicture] = useState<Picture | 'uploading' | null>(null);
  const [problem, setProblem] = useState('');
  /** A draft and the machine translation that took its place. */
  const [translated, setTranslated] = useState<{ from: string; to: string } | null>(null);
  const [translating, setTranslating] = useState(false);
  const [, putAside] = useState(0);
  const field = useRef<HTMLTextAreaElement>(null);
  const files = useRef<HTMLInputElement>(null);
  const begunAsNote = useRef(false);
  /** What is in the field right now; null once the field is gone. */
  const current = useRef<{ value: string; kind: Kind } | null>(null);
  /** What is to be selected once the text is in the field. */
  const selection = useRef<{ from: number; to: number } | null>(null);
  const picker = useRef<PickerHandle>(null);
  const kind: Kind = mine ? wanted : 'note';
  current.current = { value, kind };
  const left = MESSAGE_LIMIT - codePoints(value);
  const attached = kind === 'message' && picture !== null && picture !== 'uploading' ? picture : undefined;
  const sendable = (value.trim() !== '' || attached !== undefined) && left >= 0 && !(kind === 'message' && picture === 'uploading');
  const customerLang = thread.locale || otherLang(lang);
  const translatable = translationOf(value, otherLang(customerLang), customerLang);
  const offered = mine && suggestion !== '' && !spent.has(conversation) ? suggestion : '';

  useEffect(() => {
    if (value) drafts.set(conversation, value);
    else drafts.delete(conversation);
  }, [conversation, value]);

  useEffect(() => {
    if (!mine) return;
    // What was begun as a note for colleagues must not go to the customer because the conversation came to this agent.
    if (begunAsNote.current) setWanted('note');
    field.current?.focus();
  }, [mine]);

  useEffect(() => () => void (current.current = null), []);

  useLayoutEffect(() => {
    const box = field.current;
    if (!box) return;
    box.style.height = 'auto';
    box.style.height = `${Math.min(box.scrollHeight, TALLEST_PX)}px`;
    if (!selection.current) return;
    // At once with the new text: the next key must meet it.
    box.focus();
    box.setSelectionRange(selection.current.from, selection.current.to);
    selection.current = null;
  }, [value]);

  const change = (text: string, caret = text.length) => {
    setValue(text);
    begunAsNote.current = kind === 'note' && text.trim() !== '';
    if (kind === 'message') client.writing(conversation, text);
    setSlash(kind === 'message' ? slashAt(text, caret) : null);
  };

  /** Puts words into the text field, from where to where; a variable left open is selected. */
  const place = (words: string, from: number, to: number) => {
    const next = value.slice(0, from) + words + value.slice(to);
    change(next, 0);
    setSlash(null);
    const open = openVariable(words) ?? { from: words.length, to: words.length };
    selection.current = { from: from + open.from, to: from + open.to };
  };

  const append = (words: string) => {
    setWanted('message');
    const before = value.trim() ? `${value.trimEnd()}\n` : '';
    place(before + words, 0, value.length);
  };

  const send = (text = value) => {
    if (text === value && !sendable) return;
    client.write(kind, conversation, text.trim(), attached);
    setPicture(null);
    if (text === value) {
      setValue('');
      begunAsNote.current = false;
      setSlash(null);
    }
  };

  /** Puts the draft's translation in its place, for the agent to check; nothing is sent. */
  const translate = async () => {
    if (!translatable || translating) return;
    setProblem('');
    setTranslating(true);
    const found = await client.translated(value, translatable.source, translatable.target);
    setTranslating(false);
    // Who went on writing keeps what was written.
    if (current.current?.value !== value || current.current.kind !== 'message') return;
    if (found.state !== 'done') return setProblem(t(`translation_${found.state}`));
    setTranslated({ from: value, to: found.text });
    place(found.text, 0, value.length);
  };

  const spend = () => {
    spent.add(conversation);
    putAside((count) => count + 1);
  };

  useImperativeHandle(handle, () => ({
    write(next) {
      setWanted(next);
      field.current?.focus();
    },
    insert: append,
    suggestion(how) {
      if (!mine || suggestion === '') return;
      spend();
      if (how === 'edit') append(suggestion);
      else client.write('message', conversation, suggestion);
    },
    canned() {
      if (!mine) return;
      setWanted('message');
      const before = value === '' || /\s$/.test(value) ? value : `${value} `;
      setValue(`${before}/`);
      setSlash({ from: before.length, to: before.length + 1, query: '' });
      field.current?.focus();
    },
    knowledge: () => setKnowledge(true),
  }));

  const attach = async (file: File | null | undefined) => {
    if (!file || !mine) return;
    setProblem('');
    const limit = state.info?.maxUploadBytes ?? 0;
    const refused = refusal(file, limit);
    if (refused) return setProblem(t(refused, { n: mebibytes(limit) }));
    setWanted('message');
    setPicture('uploading');
    try {
      setPicture(await uploadPicture(conversation, file));
    } catch {
      setPicture(null);
      setProblem(t('pictureFailed'));
    }
  };

  const hint =
    thread.mode === 'closed'
      ? t('closedNow')
      : thread.mode === 'bot'
        ? t('withBot')
        : thread.mode === 'human' && !mine
          ? t('withOther', { name: agent || t('someone') })
          : t('takeFirst');
  const draft = thread.draft;
  return (
    <form
      class={`writer ${kind}`}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {draft && (
        <p class="draft-line" role="status">
          <b>{draft.agent === state.me ? t('draftElsewhere') : t('draftBy', { name: draft.name })}</b>
          <span>{draft.text}</span>
        </p>
      )}
      {offered && (
        <div class="suggested">
          <span class="suggested-text">
            <b>{t('suggestion')}</b>
            <span dir="auto">{offered}</span>
          </span>
          <button type="button" class="button outline" onClick={() => handle.current?.suggestion('edit')}>
            {t('edit')}
            <kbd>e</kbd>
          </button>
          <button type="button" class="button solid" onClick={() => handle.current?.suggestion('send')}>
            {t('send')}
            <kbd>s</kbd>
          </button>
          <button type="button" class="icon-button" aria-label={t('putAside')} title={t('putAside')} onClick={spend}>
            <CloseIcon />
          </button>
        </div>
      )}
      {knowledge && (
        <KnowledgePicker
          first={thread.messages.findLast((message) => message.role === 'customer')?.text ?? ''}
          lang={thread.locale || lang}
          onInsert={(words) => {
            setKnowledge(false);
            append(words);
          }}
          onClose={() => {
            setKnowledge(false);
            field.current?.focus();
          }}
        />
      )}
      {slash && mine && (
        <CannedPicker
          handle={picker}
          conversation={conversation}
          lang={thread.locale || lang}
          query={slash.query}
          boss={state.role !== 'agent'}
          onActive={setActive}
          onChoose={(words) => place(words, slash.from, slash.to)}
          onClose={() => setSlash(null)}
        />
      )}
      {mine ? (
        <div class="writer-tools">
          <div class="writer-kinds" role="group" aria-label={t('writeWhat')}>
            {(['message', 'note'] as const).map((name) => (
              <button key={name} type="button" aria-pressed={kind === name} onClick={() => setWanted(name)}>
                {t(name === 'message' ? 'modeMessage' : 'modeNote')}
              </button>
            ))}
          </div>
          <button type="button" class="icon-button" aria-label={t('canned')} title={`${t('canned')} (/)`} onClick={() => handle.current?.canned()}>
            <SlashIcon />
          </button>
          <button type="button" class="icon-button" aria-label={t('knowledge')} title={`${t('knowledge')} (b)`} aria-expanded={knowledge} onClick={() => setKnowledge(!knowledge)}>
            <BookIcon />
          </button>
          <button type="button" class="icon-button" aria-label={t('addPicture')} title={t('addPicture')} onClick={() => files.current?.click()}>
            <PictureIcon />
          </button>
          {state.info?.translation && kind === 'message' && (
            <button
              type="button"
              class="icon-button"
              aria-label={t(translating ? 'translating' : 'translateDraft')}
              title={t(translatable ? 'translateDraft' : 'translateDraftHint')}
              aria-disabled={!translatable || translating}
              onClick={() => void translate()}
            >
              <TranslateIcon />
            </button>
          )}
          <input
            ref={files}
            type="file"
            hidden
            accept={PICTURE_TYPES.join(',')}
            onChange={(event) => {
              void attach(event.currentTarget.files?.[0]);
              event.currentTarget.value = '';
            }}
          />
        </div>
      ) : (
        <p class="writer-hint">{hint}</p>
      )}
      {kind === 'message' && picture !== null && (
        <p class="attached">
          {picture === 'uploading' ? (
            t('pictureUploading')
          ) : (
            <>
              <img src={picture.url} alt={t('picture')} />
              <button type="button" class="text-button" onClick={() => setPicture(null)}>
                {t('removePicture')}
              </button>
            </>
          )}
        </p>
      )}
      {translated && translated.to === value && (
        <p class="translated-draft" role="status">
          {t('draftTranslated')}{' '}
          <button
            type="button"
            class="text-button"
            onClick={() => {
              place(translated.from, 0, value.length);
              setTranslated(null);
            }}
          >
            {t('draftBack')}
          </button>
        </p>
      )}
      {problem && (
        <p class="writer-problem" role="alert">
          {problem}
        </p>
      )}
      <div class="writer-field">
        <textarea
          ref={field}
          rows={2}
          value={value}
          placeholder={t(kind)}
          aria-label={t(kind)}
          aria-invalid={left < 0}
          aria-autocomplete={slash ? 'list' : undefined}
          aria-controls={slash ? 'canned' : undefined}
          aria-activedescendant={slash && active ? active : undefined}
          dir="auto"
          onInput={(event) => change(event.currentTarget.value, event.currentTarget.selectionStart)}
          onPaste={(event) => {
            const file = pictureOf(event.clipboardData);
            if (!file) return;
            if (!hasWords(event.clipboardData)) event.preventDefault();
            void attach(file);
          }}
          onKeyDown={(event) => {
            if (slash && picker.current?.key(event)) return;
            if (event.key === 'Escape' && slash) {
              event.stopPropagation();
              setSlash(null);
              return;
            }
            if (!sendsMessage(event)) return;
            event.preventDefault();
            send();
          }}
        />
        <button type="submit" class="button solid" disabled={!sendable}>
          {kind === 'note' ? t('addNote') : t('send')}
        </button>
      </div>
      {left < 200 && <p class={left < 0 ? 'writer-count over' : 'writer-count'}>{left}</p>}
    </form>
  );
}
