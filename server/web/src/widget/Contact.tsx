/** Where a customer who does not want to wait says how to be reached. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ChatClient } from '../shared/chatClient';
import type { T } from './Log';

const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
/** A phone number of any country, however it is grouped. */
const PHONE = /^\+?[\d\s().-]{6,20}$/;

export function Contact({ client, t, onDone }: { client: ChatClient; t: T; onDone(): void }) {
  const [details, setDetails] = useState({ phone: '', email: '', note: '' });
  const [problem, setProblem] = useState('');
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);

  const send = (event: Event) => {
    event.preventDefault();
    const given = Object.entries(details).flatMap(([name, value]) => (value.trim() ? [[name, value.trim()] as const] : []));
    const { phone, email } = Object.fromEntries(given) as Partial<typeof details>;
    if (phone === undefined && email === undefined) return setProblem(t('contactNone'));
    if (phone !== undefined && !PHONE.test(phone)) return setProblem(t('contactPhone'));
    if (email !== undefined && !EMAIL.test(email)) return setProblem(t('contactEmail'));
    client.leaveContact(Object.fromEntries(given));
    onDone();
  };

  const field = (name: 'phone' | 'email', type: 'tel' | 'email', autocomplete: 'tel' | 'email') => (
    <label>
      {t(`contact_${name}`)}
      <input
        ref={name === 'phone' ? first : null}
        type={type}
        autocomplete={autocomplete}
        maxLength={254}
        value={details[name]}
        onInput={(event) => setDetails({ ...details, [name]: event.currentTarget.value })}
      />
    </label>
  );

  return (
    <form class="card" noValidate aria-label={t('contactTitle')} onSubmit={send}>
      <b>{t('contactTitle')}</b>
      <p>{t('contactText')}</p>
      {field('phone', 'tel', 'tel')}
      {field('email', 'email', 'email')}
      <label>
        {t('contact_note')}
        <textarea rows={2} maxLength={500} value={details.note} onInput={(event) => setDetails({ ...details, note: event.currentTarget.value })} />
      </label>
      {problem && (
        <p class="card-problem" role="alert">
          {problem}
        </p>
      )}
      <div class="confirm-buttons">
        <button type="button" class="quiet" onClick={onDone}>
          {t('no')}
        </button>
        <button type="submit" class="solid">
          {t('contactSend')}
        </button>
      </div>
    </form>
  );
}
