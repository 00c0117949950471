/** How the chat will look with these colours, in both colour schemes, and whether its words can be read. */
import { AA, contrast, palette, parseHex } from '../../shared/colour';
import type { Json } from '../../shared/frames';
import { text } from '../../shared/frames';
import { useShell } from '../shell';
import { read } from './document';

const WHITE = [255, 255, 255] as const;

export function Preview({ document }: { document: Json }) {
  const { t } = useShell();
  return (
    <div class="previews" aria-label={t('settingsPreview')} role="img">
      <Chat document={document} dark={false} />
      <Chat document={document} dark />
    </div>
  );
}

function Chat({ document, dark }: { document: Json; dark: boolean }) {
  const { t, lang } = useShell();
  const word = (...path: string[]) => text(read(document, path)) ?? '';
  const named = (key: string) => word(key, lang) || word(key, 'zh') || word(key, 'en');
  const colours = palette({ primary: word('colours', 'primary'), accent: word('colours', 'accent') }, dark);
  return (
    <div
      class={`preview-chat${dark ? ' dark' : ''}`}
      aria-hidden="true"
      style={{ '--brand': colours.brand, '--on-brand': colours.onBrand, '--ink': colours.ink }}
    >
      <div class="preview-head">
        <span class="preview-mark">{word('logo_text') || named('name').slice(0, 1)}</span>
        <b>{named('name')}</b>
      </div>
      <p class="preview-bot">{named('greeting').slice(0, 90) || '…'}</p>
      <p class="preview-choice">{t('settingsPreviewChoice')}</p>
      <p class="preview-me">{t('settingsPreviewMe')}</p>
    </div>
  );
}

export function Contrast({ colour }: { colour: string }) {
  const { t } = useShell();
  const rgb = parseHex(colour);
  if (!rgb) return null;
  const ratio = contrast(WHITE, rgb);
  const enough = ratio >= AA;
  // Rounded down, or 4.49 would be shown as enough.
  return (
    <span class={`contrast ${enough ? 'enough' : 'low'}`}>
      {t(enough ? 'contrastEnough' : 'contrastLow', { ratio: (Math.floor(ratio * 10) / 10).toFixed(1) })}
    </span>
  );
}
