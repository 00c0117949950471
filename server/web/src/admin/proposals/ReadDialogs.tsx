/** What is given to the language model to read: a manual, or closed conversations. */
import { useState } from 'preact/hooks';
import { FormDialog } from '../../shared/Dialog';
import { dateAndClock } from '../../shared/time';
import { useLoad, Waiting } from '../load';
import { useShell } from '../shell';
import { fetchTickets, readManual, readTickets } from './proposalsApi';

const MOST_CHARACTERS = 120_000;
const MOST_TICKETS = 50;

interface DialogProps {
  onBegun(): void;
  onClose(): void;
}

export function ManualDialog({ onBegun, onClose }: DialogProps) {
  const { t } = useShell();
  const [title, setTitle] = useState('');
  const [words, setWords] = useState('');
  const [problem, setProblem] = useState('');
  const take = async (file: File | undefined) => {
    if (!file) return;
    const read = await file.text();
    if (read.includes('\u0000') || read.includes('\ufffd')) return setProblem(t('proposalsNoText'));
    setProblem(read.length > MOST_CHARACTERS ? t('proposalsTooLong', { most: MOST_CHARACTERS }) : '');
    setWords(read);
    if (!title) setTitle(file.name.slice(0, 200));
  };
  const begin = () =>
    readManual(title.trim(), words).then(onBegun, (error: unknown) => setProblem(error instanceof Error ? error.message : t('notSaved')));
  return (
    <FormDialog
      title={t('proposalsManual')}
      action={t('proposalsRead')}
      wide
      ready={title.trim() !== '' && words.trim() !== '' && words.length <= MOST_CHARACTERS}
      onDo={begin}
      onClose={onClose}
    >
      <div class="form-grid">
        <label class="field">
          {t('proposalsTitle')}
          <input name="title" maxLength={200} value={title} onInput={(event) => setTitle(event.currentTarget.value)} />
        </label>
        <label class="field">
          {t('proposalsFile')}
          <input type="file" accept=".txt,.md,.markdown,text/plain,text/markdown" onChange={(event) => take(event.currentTarget.files?.[0])} />
        </label>
        <label class="field">
          {t('proposalsText')}
          <textarea name="text" rows={10} value={words} onInput={(event) => setWords(event.currentTarget.value)} />
        </label>
        <p class="problem" role="alert">
          {problem}
        </p>
      </div>
    </FormDialog>
  );
}

export function TicketsDialog({ onBegun, onClose }: DialogProps) {
  const { t, lang } = useShell();
  const loaded = useLoad(fetchTickets, []);
  const [chosen, setChosen] = useState<string[]>([]);
  const [problem, setProblem] = useState('');
  const begin = () =>
    readTickets(t('proposalsTicketsTitle', { n: chosen.length }), chosen).then(onBegun, (error: unknown) =>
      setProblem(error instanceof Error ? error.message : t('notSaved')),
    );
  return (
    <FormDialog title={t('proposalsTickets')} action={t('proposalsRead')} wide ready={chosen.length > 0 && chosen.length <= MOST_TICKETS} onDo={begin} onClose={onClose}>
      <p class="faint">{t('proposalsTicketsHint')}</p>
      <Waiting of={loaded}>
        {(tickets) =>
          tickets.length === 0 ? (
            <p class="empty">{t('proposalsNoTickets')}</p>
          ) : (
            <ul class="ticket-list">
              {tickets.map((ticket) => (
                <li key={ticket.conversation}>
                  <label class="tick">
                    <input
                      type="checkbox"
                      checked={chosen.includes(ticket.conversation)}
                      onChange={(event) =>
                        setChosen(event.currentTarget.checked ? [...chosen, ticket.conversation] : chosen.filter((one) => one !== ticket.conversation))
                      }
                    />
                    <span>
                      {dateAndClock(ticket.ended, lang)} · {ticket.outcome} · {ticket.summary}
                    </span>
                  </label>
                </li>
              ))}
            </ul>
          )
        }
      </Waiting>
      <p class="problem" role="alert">
        {problem}
      </p>
    </FormDialog>
  );
}
