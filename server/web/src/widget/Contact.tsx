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

  return (
    <form class="card" noValidate aria-label={t('contactTitle')} onSubmit={send}>
      <b>{t('contactTitle')}</b>
      <p>{t('contactText')}</p>
      <label>
        {t('contact_phone')}
        <input
          ref={first}
          type="tel"
          autocomplete="tel"
          maxLength={40}
          value={details.phone}
          onInput={(event) => setDetails({ ...details, phone: event.currentTarget.value })}
        />
      </label>
      <label>
        {t('contact_email')}
        <input
          type="email"
          autocomplete="email"
          maxLength={254}
          value={details.email}
          onInput={(event) => setDetails({ ...details, email: event.currentTarget.value })}
        />
      </label>
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
