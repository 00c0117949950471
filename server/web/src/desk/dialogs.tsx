/** What the desk asks before it acts: to whom, until when, with what outcome. */
import { useEffect, useState } from 'preact/hooks';
import { RestError } from '../shared/rest';
import { dateAndClock } from '../shared/time';
import { mailTranscript } from './deskApi';
import type { DeskState, Thread, TransferTarget } from './deskTypes';
import { Dialog, FormDialog } from '../shared/Dialog';
import { KEY_GROUPS, KEY_TABLE } from './keymap';
import type { KeyRow } from './keymap';
import { useShell } from './shell';
import { snoozeChoices, tagList } from './times';

const KEY_NAMES: Readonly<Record<string, string>> = { ArrowDown: '↓', ArrowUp: '↑', Escape: 'Esc' };
const keyName = (key: string): string => key.split('+').map((part) => KEY_NAMES[part] ?? part).join(' ');

export function Shortcuts({ singleKeys, onSingleKeys, onClose }: { singleKeys: boolean; onSingleKeys(on: boolean): void; onClose(): void }) {
  const { t, coded } = useShell();
  const rows: readonly KeyRow[] = KEY_TABLE;
  return (
    <Dialog title={t('shortcuts')} wide onClose={onClose}>
      <div class="key-groups">
        {KEY_GROUPS.map((group) => (
          <section key={group}>
            <h3>{t(`keys_group_${group}`)}</h3>
            <dl class="keys">
              {rows
                .filter((row) => row.group === group)
                .map((row) => (
                  <div key={row.text}>
                    <dt>
                      {row.keys.map((key) => (
                        <kbd key={key}>{keyName(key)}</kbd>
                      ))}
                    </dt>
                    <dd>{coded('keys', row.text)}</dd>
                  </div>
                ))}
            </dl>
          </section>
        ))}
      </div>
      <label class="check">
        <input type="checkbox" checked={singleKeys} onChange={(event) => onSingleKeys(event.currentTarget.checked)} />
        {t('singleKeys')}
      </label>
      <p>{t('singleKeysHint')}</p>
      <div class="dialog-buttons">
        <button type="button" class="button outline" onClick={onClose}>
          {t('closeDialog')}
        </button>
      </div>
    </Dialog>
  );
}

const OUTCOMES = ['solved', 'follow_up', 'not_solved', 'no_reply'];
const SUGGESTED_TAGS = 8;

export function CloseDialog({ state, onCancel, onClose }: { state: DeskState; onCancel(): void; onClose(outcome: string, tags: string[]): void }) {
  const { t, coded } = useShell();
  const outcomes = state.info?.outcomes.length ? state.info.outcomes : OUTCOMES;
  const [outcome, setOutcome] = useState(outcomes[0] ?? 'solved');
  const [tags, setTags] = useState('');
  const given = tagList(tags);
  const used = (state.info?.tags ?? []).filter((tag) => !given.includes(tag)).slice(0, SUGGESTED_TAGS);
  return (
    <FormDialog title={t('closeTitle')} action={t('closeTitle')} onDo={() => onClose(outcome, given)} onClose={onCancel}>
      <p>{t('closeText')}</p>
      <fieldset>
        <legend>{t('outcome')}</legend>
        {outcomes.map((value) => (
          <label key={value} class="choice">
            <input type="radio" name="outcome" value={value} checked={outcome === value} onChange={() => setOutcome(value)} />
            {coded('outcome', value)}
          </label>
        ))}
      </fieldset>
      <label class="field">
        {t('tags')}
        <input value={tags} placeholder={t('tagsHint')} maxLength={200} onInput={(event) => setTags(event.currentTarget.value)} />
      </label>
      {used.length > 0 && (
        <div class="tag-choices" role="group" aria-label={t('tagsUsed')}>
          {used.map((tag) => (
            <button key={tag} type="button" class="chip" onClick={() => setTags([...given, tag].join(', '))}>
              + {tag}
            </button>
          ))}
        </div>
      )}
    </FormDialog>
  );
}

interface TransferProps {
  state: DeskState;
  /** Who has it now. */
  holder: string;
  onCancel(): void;
  onTransfer(to: TransferTarget, note: string): void;
}

export function TransferDialog({ state, holder, onCancel, onTransfer }: TransferProps) {
  const { t, lang, coded } = useShell();
  const teams = state.info?.teams ?? [];
  const people = state.colleagues.filter((one) => one.agent !== holder);
  const reachable = people.filter((one) => one.state !== 'offline');
  const [to, setTo] = useState('');
  const [note, setNote] = useState('');
  const [kind, id] = [to.slice(0, to.indexOf(':')), to.slice(to.indexOf(':') + 1)];
  const option = (value: string, name: string, more: string, disabled = false) => (
    <label key={value} class="choice">
      <input type="radio" name="to" value={value} disabled={disabled} checked={to === value} onChange={() => setTo(value)} />
      <span>
        {name}
        <small>{more}</small>
      </span>
    </label>
  );
  const there = (team: string) => reachable.filter((one) => one.teams.includes(team)).length;
  return (
    <FormDialog
      title={t('transferTitle')}
      action={t('transfer')}
      ready={to !== ''}
      onDo={() => onTransfer(kind === 'agent' ? { agent: id } : { team: id }, note.trim())}
      onClose={onCancel}
    >
      {people.length + teams.length === 0 && <p>{t('transferNobody')}</p>}
      {people.length > 0 && (
        <fieldset>
          <legend>{t('colleagues')}</legend>
          {[...reachable, ...people.filter((one) => one.state === 'offline')].map((one) =>
            option(`agent:${one.agent}`, one.name, `${coded('state', one.state)} · ${one.load}/${one.capacity}`, one.state === 'offline'),
          )}
        </fieldset>
      )}
      {teams.length > 0 && (
        <fieldset>
          <legend>{t('teams')}</legend>
          {teams.map((team) => option(`team:${team.id}`, team.name[lang], t('peopleThere', { n: there(team.id) })))}
        </fieldset>
      )}
      <label class="field">
        {t('transferNote')}
        <textarea rows={3} value={note} maxLength={1000} onInput={(event) => setNote(event.currentTarget.value)} />
      </label>
    </FormDialog>
  );
}

export function SnoozeDialog({ onCancel, onSnooze }: { onCancel(): void; onSnooze(until: Date): void }) {
  const { t, lang } = useShell();
  const [choices] = useState(() => snoozeChoices(new Date()));
  const [chosen, setChosen] = useState('0');
  const [own, setOwn] = useState('');
  const until = chosen === 'own' ? new Date(own) : choices[Number(chosen)]?.until;
  const ready = until !== undefined && until.getTime() > Date.now();
  return (
    <FormDialog title={t('snoozeTitle')} action={t('snooze')} ready={ready} onDo={() => until && onSnooze(until)} onClose={onCancel}>
      <p>{t('snoozeText')}</p>
      <fieldset>
        <legend>{t('snoozeUntil')}</legend>
        {choices.map((choice, index) => (
          <label key={choice.name} class="choice">
            <input type="radio" name="until" value={String(index)} checked={chosen === String(index)} onChange={() => setChosen(String(index))} />
            <span>
              {t(`snooze_${choice.name}`)}
              <small>{dateAndClock(choice.until.toISOString(), lang)}</small>
            </span>
          </label>
        ))}
        <label class="choice">
          <input type="radio" name="until" value="own" checked={chosen === 'own'} onChange={() => setChosen('own')} />
          <span>
            {t('snooze_own')}
            <input
              type="datetime-local"
              aria-label={t('snooze_own')}
              value={own}
              onInput={(event) => {
                setChosen('own');
                setOwn(event.currentTarget.value);
              }}
            />
          </span>
        </label>
      </fieldset>
    </FormDialog>
  );
}

interface ReturnProps {
  thread: Thread;
  onCancel(): void;
  onReturn(to: string): void;
}

export function ReturnDialog({ thread, onCancel, onReturn }: ReturnProps) {
  const { t, intent, intents } = useShell();
  const { context } = thread.escalation ?? { context: {} as Record<string, unknown> };
  const interrupted = Boolean(context['task'] || context['diagnosis']);
  const [how, setHow] = useState(interrupted ? 'continue' : 'wait');
  const [topic, setTopic] = useState('');
  const option = (value: string, name: string) => (
    <label class="choice">
      <input type="radio" name="how" value={value} checked={how === value} onChange={() => setHow(value)} />
      {name}
    </label>
  );
  return (
    <FormDialog
      title={t('returnTitle')}
      action={t('returnBot')}
      ready={how !== 'topic' || topic !== ''}
      onDo={() => onReturn(how === 'topic' ? topic : how === 'continue' ? 'continue' : '')}
      onClose={onCancel}
    >
      <p>{t('returnText')}</p>
      <fieldset class="single">
        <legend>{t('returnWhere')}</legend>
        {interrupted && option('continue', t('return_continue'))}
        {option('wait', t('return_wait'))}
        {option('topic', t('return_topic'))}
      </fieldset>
      {how === 'topic' && (
        <label class="field">
          {t('filter_topic')}
          <select value={topic} onChange={(event) => setTopic(event.currentTarget.value)}>
            <option value="">{t('choose')}</option>
            {intents.map((name) => (
              <option key={name} value={name}>
                {intent(name)}
              </option>
            ))}
          </select>
        </label>
      )}
    </FormDialog>
  );
}

interface MarkProps {
  thread: Thread;
  seq: number;
  onCancel(): void;
  onMark(intent: string, comment: string): void;
}

export function MarkDialog({ thread, seq, onCancel, onMark }: MarkProps) {
  const { t, intent, intents } = useShell();
  const [meant, setMeant] = useState('');
  const [comment, setComment] = useState('');
  const said = thread.messages.find((message) => message.seq === seq && message.role === 'bot');
  const asked = thread.messages.findLast((message) => message.role === 'customer' && message.seq < seq);
  return (
    <FormDialog title={t('markTitle')} action={t('mark')} onDo={() => onMark(meant, comment.trim())} onClose={onCancel}>
      {asked && (
        <p class="quoted" dir="auto">
          {t('role_customer')}: {asked.text}
        </p>
      )}
      {said && (
        <p class="quoted clamp" dir="auto">
          {t('role_bot')}: {said.text}
        </p>
      )}
      <label class="field">
        {t('markIntent')}
        <select value={meant} onChange={(event) => setMeant(event.currentTarget.value)}>
          <option value="">{t('markNoIntent')}</option>
          {intents.map((name) => (
            <option key={name} value={name}>
              {intent(name)}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        {t('markComment')}
        <textarea rows={3} value={comment} maxLength={1000} onInput={(event) => setComment(event.currentTarget.value)} />
      </label>
    </FormDialog>
  );
}

export function MailDialog({ conversation, first, onClose }: { conversation: string; first: string; onClose(): void }) {
  const { t } = useShell();
  const [email, setEmail] = useState(first);
  const [state, setState] = useState<'asking' | 'sending' | 'sent' | 'address' | 'failed'>('asking');
  useEffect(() => {
    if (state !== 'sending') return;
    mailTranscript(conversation, email.trim()).then(
      () => setState('sent'),
      (error: unknown) => setState(error instanceof RestError && error.status === 422 ? 'address' : 'failed'),
    );
  }, [state]);
  if (state === 'sent') {
    return (
      <Dialog title={t('transcriptMail')} onClose={onClose}>
        <p role="status">{t('mailSent', { to: email.trim() })}</p>
        <div class="dialog-buttons">
          <button type="button" class="button solid" autofocus onClick={onClose}>
            {t('closeDialog')}
          </button>
        </div>
      </Dialog>
    );
  }
  return (
    <FormDialog title={t('transcriptMail')} action={t('send')} ready={/.@./.test(email) && state !== 'sending'} onDo={() => setState('sending')} onClose={onClose}>
      <label class="field">
        {t('slot_email')}
        <input type="email" value={email} maxLength={254} onInput={(event) => setEmail(event.currentTarget.value)} />
      </label>
      {(state === 'address' || state === 'failed') && (
        <p class="writer-problem" role="alert">
          {t(state === 'address' ? 'mailAddress' : 'mailFailed')}
        </p>
      )}
    </FormDialog>
  );
}
