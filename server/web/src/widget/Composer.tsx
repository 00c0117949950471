/** Where the customer types. */
import { useLayoutEffect, useState } from 'preact/hooks';
import type { ComponentChildren, RefObject } from 'preact';
import { SendIcon } from '../shared/icons';
import { sendsMessage } from '../shared/keys';
import { MESSAGE_LIMIT, codePoints } from '../shared/text';
import type { T } from './Log';

/** The counter appears when this many characters are left. */
const COUNT_FROM = 400;
const TALLEST_PX = 132;

interface ComposerProps {
  t: T;
  disabled: boolean;
  field: RefObject<HTMLTextAreaElement | null>;
  onSend(text: string): void;
  onTyping(on: boolean): void;
  /** The microphone's button, where customers can talk. */
  microphone?: ComponentChildren;
  /** The button that adds a picture, where pictures are taken. */
  picture?: ComponentChildren;
  /** A picture is there, so that no words are needed. */
  pictured: boolean;
  /** A picture is on its way up: it has to be there first. */
  busy: boolean;
  onPaste(event: ClipboardEvent): void;
}

export function Composer({ t, disabled, field, onSend, onTyping, microphone, picture, pictured, busy, onPaste }: ComposerProps) {
  const [value, setValue] = useState('');
  const left = MESSAGE_LIMIT - codePoints(value);
  const sendable = (value.trim() !== '' || pictured) && left >= 0 && !disabled && !busy;

  useLayoutEffect(() => {
    const box = field.current;
    if (!box) return;
    box.style.height = 'auto';
    box.style.height = `${Math.min(box.scrollHeight, TALLEST_PX)}px`;
  }, [value, field]);

  const send = () => {
    if (!sendable) return;
    onSend(value.trim());
    setValue('');
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (!sendsMessage(event)) return;
    event.preventDefault();
    send();
  };

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div class="field">
        <textarea
          ref={field}
          rows={1}
          value={value}
          disabled={disabled}
          placeholder={t('composer')}
          aria-label={t('composer')}
          aria-describedby={left < COUNT_FROM ? 'count' : undefined}
          aria-invalid={left < 0}
          autocomplete="off"
          enterkeyhint="send"
          dir="auto"
          onInput={(event) => {
            setValue(event.currentTarget.value);
            onTyping(event.currentTarget.value !== '');
          }}
          onKeyDown={onKeyDown}
          onPaste={onPaste}
        />
        {picture}
        {microphone}
        <button type="submit" class="send" disabled={!sendable} aria-label={t('send')} title={t('send')}>
          <SendIcon />
        </button>
      </div>
      {left < COUNT_FROM && (
        <div id="count" class={left < 0 ? 'count over' : 'count'} aria-live="polite">
          {left < 0 ? t('tooLong', { n: -left }) : t('counter', { n: left })}
        </div>
      )}
    </form>
  );
}
