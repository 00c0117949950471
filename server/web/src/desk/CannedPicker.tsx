/** The canned replies that fit what follows the slash; the text field keeps the focus. */
import type { RefObject } from 'preact';
import { useEffect, useImperativeHandle, useRef, useState } from 'preact/hooks';
import type { Lang } from '../shared/frames';
import { RestError } from '../shared/rest';
import { fitting } from './canned';
import { addReply, deleteReply, fetchReplies } from './deskApi';
import type { Reply } from './deskApi';
import { useShell } from './shell';

/** What a reply may leave open. */
const VARIABLES = '{customer} {agent} {company} {team} {ticket}';

export interface PickerHandle {
  /** Moves or chooses; true where the key was meant for the list. */
  key(event: KeyboardEvent): boolean;
}

interface PickerProps {
  handle: RefObject<PickerHandle | null>;
  conversation: string;
  lang: Lang;
  query: string;
  /** May write replies for everybody. */
  boss: boolean;
  /** Tells the element id of the reply under the cursor. */
  onActive(id: string): void;
  onChoose(text: string): void;
  onClose(): void;
}

export function CannedPicker({ handle, conversation, lang, query, boss, onActive, onChoose, onClose }: PickerProps) {
  const { t } = useShell();
  const [replies, setReplies] = useState<Reply[] | null>(null);
  const [at, setAt] = useState(0);
  const [writing, setWriting] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const shown = fitting(replies ?? [], query) as Reply[];
  const cursor = Math.min(at, Math.max(0, shown.length - 1));

  const load = () => fetchReplies(conversation, lang).then(setReplies, () => setReplies([]));
  useEffect(() => {
    void load();
  }, [conversation, lang]);

  useEffect(() => {
    box.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [cursor]);

  const active = shown[cursor] ? `canned-${shown[cursor].id}` : '';
  useEffect(() => onActive(active), [active]);

  useImperativeHandle(handle, () => ({
    key(event) {
      if (writing || event.isComposing) return false;
      const chosen = shown[cursor];
      if (event.key === 'ArrowDown') setAt(Math.min(cursor + 1, shown.length - 1));
      else if (event.key === 'ArrowUp') setAt(Math.max(cursor - 1, 0));
      else if ((event.key === 'Enter' || event.key === 'Tab') && chosen) onChoose(chosen.text);
      else return false;
      event.preventDefault();
      return true;
    },
  }));

  if (writing) {
    return <NewReply lang={lang} boss={boss} onDone={() => { setWriting(false); void load(); }} onCancel={() => setWriting(false)} />;
  }
  return (
    <div class="picker">
      <div id="canned" class="picker-list" role="listbox" aria-label={t('canned')} ref={box}>
        {shown.map((reply, index) => (
          <div
            key={reply.id}
            id={`canned-${reply.id}`}
            role="option"
            aria-selected={index === cursor}
            class="picker-item"
            onPointerDown={(event) => {
              // The text field keeps the focus.
              event.preventDefault();
              onChoose(reply.text);
            }}
          >
            <b>
              /{reply.shortcut} <span>{reply.title}</span>
            </b>
            <span class="picker-text">{reply.text}</span>
          </div>
        ))}
      </div>
      {replies !== null && shown.length === 0 && <p class="empty">{t('cannedNone')}</p>}
      <p class="picker-foot">
        <span>{t('cannedHint')}</span>
        {shown[cursor]?.mine && (
          <button type="button" class="text-button" onClick={() => { const own = shown[cursor]; if (own) void deleteReply(own.id).then(load, load); }}>
            {t('cannedDelete', { name: shown[cursor]?.shortcut ?? '' })}
          </button>
        )}
        <button type="button" class="text-button" onClick={() => setWriting(true)}>
          {t('cannedNew')}
        </button>
        <button type="button" class="text-button" onClick={onClose}>
          {t('closeDialog')}
        </button>
      </p>
    </div>
  );
}

interface NewReplyProps {
  lang: Lang;
  boss: boolean;
  onDone(): void;
  onCancel(): void;
}

/** Not a form: the writer's form is around it. */
function NewReply({ lang, boss, onDone, onCancel }: NewReplyProps) {
  const { t } = useShell();
  const [reply, setReply] = useState({ shortcut: '', title: '', text: '', shared: false });
  const [problem, setProblem] = useState('');
  const ready = /^\S+$/.test(reply.shortcut) && reply.text.trim() !== '';
  const save = async () => {
    try {
      await addReply({ shortcut: reply.shortcut, title: reply.title.trim() || reply.shortcut, text: { [lang]: reply.text.trim() }, shared: reply.shared });
      onDone();
    } catch (error) {
      setProblem(t(error instanceof RestError && error.status === 409 ? 'cannedTaken' : 'notSaved'));
    }
  };
  return (
    <div class="picker new-reply" role="group" aria-label={t('cannedNew')}>
      <label>
        {t('cannedShortcut')}
        <input value={reply.shortcut} maxLength={30} autofocus onInput={(event) => setReply({ ...reply, shortcut: event.currentTarget.value })} />
      </label>
      <label>
        {t('cannedTitle')}
        <input value={reply.title} maxLength={80} onInput={(event) => setReply({ ...reply, title: event.currentTarget.value })} />
      </label>
      <label class="wide">
        {t('cannedText')}
        <textarea rows={3} value={reply.text} onInput={(event) => setReply({ ...reply, text: event.currentTarget.value })} />
      </label>
      {boss && (
        <label class="check">
          <input type="checkbox" checked={reply.shared} onChange={(event) => setReply({ ...reply, shared: event.currentTarget.checked })} />
          {t('cannedShared')}
        </label>
      )}
      {problem && (
        <p class="writer-problem" role="alert">
          {problem}
        </p>
      )}
      <p class="picker-foot">
        <span>{t('cannedVariables', { names: VARIABLES })}</span>
        <button type="button" class="button outline" onClick={onCancel}>
          {t('cancel')}
        </button>
        <button type="button" class="button solid" disabled={!ready} onClick={() => void save()}>
          {t('save')}
        </button>
      </p>
    </div>
  );
}
