/** After a conversation: did it solve the problem, and how was it? */
import { useState } from 'preact/hooks';
import type { ChatClient } from '../shared/chatClient';
import { StarIcon } from '../shared/icons';
import type { T } from './Log';

const SCORES = [1, 2, 3, 4, 5];

export function Satisfaction({ client, rated, t }: { client: ChatClient; rated: boolean; t: T }) {
  const [solved, setSolved] = useState<boolean | null>(null);
  const [score, setScore] = useState(0);
  const [comment, setComment] = useState('');
  if (rated) {
    return (
      <p class="card thanks-card" role="status">
        {t('rateThanks')}
      </p>
    );
  }
  const choice = (value: boolean, label: string) => (
    <button type="button" class={solved === value ? 'choice chosen' : 'choice'} aria-pressed={solved === value} onClick={() => setSolved(value)}>
      {label}
    </button>
  );
  return (
    <form
      class="card"
      aria-label={t('rateTitle')}
      onSubmit={(event) => {
        event.preventDefault();
        client.rateAll({ ...(score > 0 ? { score } : {}), ...(solved === null ? {} : { solved }), ...(comment.trim() ? { comment: comment.trim() } : {}) });
      }}
    >
      <b>{t('rateTitle')}</b>
      <div class="choices" role="group" aria-label={t('rateTitle')}>
        {choice(true, t('rateYes'))}
        {choice(false, t('rateNo'))}
      </div>
      <p id="rate-score">{t('rateScore')}</p>
      <div class="stars" role="radiogroup" aria-labelledby="rate-score">
        {SCORES.map((value) => (
          <label key={value} class={value <= score ? 'star full' : 'star'} title={t('stars', { n: value })}>
            <input type="radio" name="score" value={value} checked={value === score} onChange={() => setScore(value)} />
            <StarIcon />
            <span class="hidden">{t('stars', { n: value })}</span>
          </label>
        ))}
      </div>
      {(score > 0 || solved !== null) && (
        <>
          <label>
            {t('rateComment')}
            <textarea rows={2} maxLength={1000} value={comment} onInput={(event) => setComment(event.currentTarget.value)} />
          </label>
          <div class="confirm-buttons">
            <button type="submit" class="solid">
              {t('rateSend')}
            </button>
          </div>
        </>
      )}
    </form>
  );
}
